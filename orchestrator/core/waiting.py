"""What a run waits for, as sentences an operator reads."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.core.moments import iso
from orchestrator.core.ops import WaitKind


@dataclass(frozen=True, slots=True)
class WaitFacts:
    """A wait that is not settled.

    ``key`` is its step's, '' for the function itself; ``name`` the event, signal or function awaited; ``match`` the
    author's expression; ``child`` the run awaited.
    """

    kind: WaitKind
    key: str
    name: str = ""
    match: str = ""
    child: str = ""
    due_at: datetime | None = None


def sentence(wait: WaitFacts) -> str:
    """What a wait is for, such as ``event payment/captured where data.order == 42, until 2026-01-31T09:…Z``."""
    match wait.kind:
        case WaitKind.TIMER:
            return f"sleep {wait.key}{_until(wait.due_at, ' until ')}"
        case WaitKind.RETRY:
            return f"retry of {wait.key or 'the function'}{_until(wait.due_at, ' at ')}"
        case WaitKind.EVENT:
            where = f" where {wait.match}" if wait.match else ""
            return f"event {wait.name}{where}{_until(wait.due_at)}"
        case WaitKind.SIGNAL:
            return f"signal {wait.name}{_until(wait.due_at)}"
        case WaitKind.CHILD:
            of_function = f" of function {wait.name}" if wait.name else ""
            return f"run {wait.child or wait.key}{of_function}{_until(wait.due_at)}"


def held(name: str, size: int | None, used: int, wake_at: datetime | None) -> str:
    """What a run waits for at a limit, such as ``limit of render for "acme", which is full: 2 of 2 run``."""
    name = name.removeprefix("The ")
    what = name[:1].lower() + name[1:]
    if size is None:
        return f"{what}{_until(wake_at)}"
    return f"{what}, which is full: {used} of {size} run"


def delayed_start(due_at: datetime | None) -> str:
    """What a run waits for that was asked to start later."""
    return f"start{_until(due_at, ' at ')}"


def _until(due_at: datetime | None, word: str = ", until ") -> str:
    return f"{word}{iso(due_at)}" if due_at else ""
