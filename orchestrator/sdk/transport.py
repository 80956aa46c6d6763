"""What an invocation needs of whoever executes it. The engine implements it; authors never see it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from orchestrator.core.ops import Op, OpKind, WaitOpened
from orchestrator.core.retry import Retries

WARNINGS = "signalbox"  # the logger of what a run's author should know


class Suspend(BaseException):
    """Unwinds a function whose run rests in the database. Not an Exception, so that user code does not swallow it."""


class Blocked(BaseException):
    """The code asks for another operation than the one recorded under this key."""

    def __init__(self, key: str, expected: OpKind, got: OpKind) -> None:
        super().__init__(f"step {key!r} is recorded as {expected}, the code asks for {got}")
        self.key = key
        self.expected = expected
        self.got = got


class StepRun:
    """A step body that runs now; ``recorded`` once others can see it."""

    __slots__ = ("attempt", "key", "lost", "op", "ordinal", "recorded", "retries", "started_at")

    def __init__(
        self,
        key: str,
        op: OpKind,
        ordinal: int,
        attempt: int,
        started_at: datetime,
        *,
        lost: int = 0,
        retries: Retries | None = None,
    ) -> None:
        self.key = key
        self.op = op
        self.ordinal = ordinal
        self.attempt = attempt
        self.started_at = started_at
        self.lost = lost  # of the attempts before it, those whose worker died
        self.retries = retries  # its own policy
        self.recorded = False


class Transport(Protocol):
    """Async and blocking faces of the same journal; every commit is acknowledged only when it is durable."""

    def now(self) -> datetime: ...
    def entropy(self) -> float: ...
    def new_id(self) -> str: ...

    async def commit(self, op: Op) -> None: ...
    def commit_blocking(self, op: Op) -> None: ...

    def open_wait(self, op: WaitOpened) -> None:
        """Begins a durable wait; written when the run is quiet, together with its release."""

    def quiet(self) -> None:
        """Every branch of the run is parked."""

    def take_signal(self, name: str) -> tuple[int, Any] | None:
        """The oldest signal of that name which came before anybody waited: its number and payload."""

    def body_began(self, step: StepRun) -> None: ...
    def body_ended(self, step: StepRun) -> None: ...

    async def call(self, function: Callable[[], Any]) -> Any:
        """Runs a sync body in a thread of the pool."""

    def spawn(self, function: Callable[[], Any]) -> "Callable[[], Any] | None":
        """Starts a branch in a free thread; what it returns waits for its result. None when no thread is free."""

    def transact(self, step: StepRun, function: Callable[[], Any]) -> str:
        """Runs a body and its checkpoint in one transaction of Django's connection; its output as JSON text."""

    def log(self, key: str, number: int, level: str, logger: str, message: str) -> None: ...

    def scratch(self) -> Path:
        """The run's directory of files that need not last; it may have to be made."""

    def progress(self, fraction: float, message: str) -> None:
        """How far the run is, for people. Cheap: what comes too often is left out."""
