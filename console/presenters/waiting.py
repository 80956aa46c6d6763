"""Why a run does not move: its open waits as sentences."""

from collections.abc import Iterable

from orchestrator.core.ops import WaitKind
from orchestrator.models import Wait


def waiting_for(waits: Iterable[Wait]) -> list[str]:
    return [sentence(wait) for wait in waits]


def sentence(wait: Wait) -> str:
    """What a wait is for and until when, in UTC."""
    until = wait.due_at.strftime("%Y-%m-%d %H:%M:%S UTC") if wait.due_at else ""
    match wait.kind:
        case WaitKind.TIMER:
            return f"Asleep until {until}"
        case WaitKind.RETRY:
            return f"Next attempt of {wait.key or 'the function'} at {until}"
        case WaitKind.CHILD:
            return f"Waiting for the run of {wait.name or wait.key}"
        case WaitKind.SIGNAL:
            return f"Waiting for signal {wait.name}" + (f", at most until {until}" if until else "")
        case _:
            match = f" where {wait.expr}" if wait.expr else ""
            return f"Waiting for event {wait.name}{match}" + (f", at most until {until}" if until else "")
