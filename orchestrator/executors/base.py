"""How a function is executed: the port that local, isolated and remote executors implement."""

from typing import Any, Protocol

from orchestrator.core.ops import CallRequest, ErrorInfo, Op, Status
from orchestrator.sdk.registry import Definition
from orchestrator.sdk.transport import Transport


class Execution(Protocol):
    """An execution under way."""

    in_memory: bool  # rests with its coroutine; else it is started again with its memos

    def settle(self, key: str, status: Status | None, output: Any, error: ErrorInfo | None) -> None:
        """A wait is over: goes on with its branch. Without a status the step's next attempt is due."""

    def check(self) -> None:
        """Tells ``sink.quiet`` again if every branch is parked."""

    def suspend(self) -> None:
        """Unwinds the author's code; nothing it says from now on counts."""


class Sink(Transport, Protocol):
    """The engine's side of one execution."""

    def finished(self, op: Op | None) -> None:
        """The function ended with this op; None when it rests or was unwound. Called on the engine's loop."""


class Executor(Protocol):
    def start(self, definition: Definition, request: CallRequest, sink: Sink) -> Execution:
        """Begins or goes on with a run, on the engine's loop. Everything it learns goes to ``sink``."""
