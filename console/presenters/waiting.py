"""Why a run does not move: its open waits as sentences, and when it will go on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.core.ops import WaitKind
from orchestrator.models import Wait


@dataclass(frozen=True, slots=True)
class Line:
    """A reason, and when it ends by itself. ``act`` is what a person may send: the signal or event ``name``."""

    text: str
    until: datetime | None = None
    before: str = ""
    act: str = ""
    name: str = ""
    step: str = ""


def waiting_for(waits: Iterable[Wait]) -> list[str]:
    return [sentence(wait) for wait in waits]


def signal_names(run_id: str) -> Sequence[str]:
    """The signals a run waits for now, the longest awaited first."""
    waits = Wait.objects.filter(run=run_id, kind=WaitKind.SIGNAL).order_by("created_at", "key")
    return list(dict.fromkeys(waits.values_list("name", flat=True)[:50]))


def sentence(wait: Wait) -> str:
    """What a wait is for and until when, in UTC."""
    told = line(wait)
    until = told.until.strftime("%Y-%m-%d %H:%M:%S UTC") if told.until else ""
    return f"{told.text}{told.before} {until}" if until else told.text


def line(wait: Wait) -> Line:
    """What a wait is for; the moment stands by itself."""
    match wait.kind:
        case WaitKind.TIMER:
            return Line("Asleep", wait.due_at, " until", step=wait.key)
        case WaitKind.RETRY:
            return Line(f"Next attempt of {wait.key or 'the function'}", wait.due_at, " at", step=wait.key)
        case WaitKind.CHILD:
            return Line(f"Waiting for the run of {wait.name or wait.key}", step=wait.key)
        case WaitKind.SIGNAL:
            return Line(
                f"Waiting for signal {wait.name}", wait.due_at, ", at most until", "signal", wait.name, wait.key
            )
        case _:
            match = f" where {wait.expr}" if wait.expr else ""
            return Line(
                f"Waiting for event {wait.name}{match}", wait.due_at, ", at most until", "event", wait.name, wait.key
            )
