"""How a function is executed: the port that local, isolated and remote executors implement."""

from collections.abc import Sequence
from typing import Any, Protocol

from orchestrator.core.ops import CallRequest, ErrorInfo, Op, Status
from orchestrator.sdk.registry import Definition
from orchestrator.sdk.transport import StepRun, Transport


class Execution(Protocol):
    """An execution under way."""

    in_memory: bool  # goes on with its coroutine; else it is started again with its memos
    parks: bool  # may be kept while the run rests

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


class RemoteSink(Sink, Protocol):
    """For executions in other processes."""

    def executes_in(self, pid: int) -> None:
        """The process that is named beside each attempt from now on."""

    def lease(self) -> dict[str, Any]:
        """What another process needs to commit a ``step.transaction`` by itself."""

    def committed(self, changes: list[list[Any]]) -> None:
        """It has committed by itself: run, seq and status of each change."""

    def executing(self) -> None:
        """The process has set itself up: the function begins."""

    async def was_enlarged(self) -> bool:
        """Whether memory ran out before, so that it goes on with the larger machine."""

    def sampled(self, cpu_percent: float, memory_bytes: int) -> None:
        """What its processes use now; 100 percent is one core."""

    def starved(self, error: ErrorInfo, steps: Sequence[StepRun]) -> None:
        """Memory ran out while these bodies ran; the process is gone. Called on the engine's loop."""

    def crashed(self, reason: str) -> None:
        """The process is gone without a last word. Called on the engine's loop."""


class Executor(Protocol):
    def start(self, definition: Definition, request: CallRequest, sink: RemoteSink) -> Execution:
        """Begins or goes on with a run, on the engine's loop. Everything it learns goes to ``sink``."""
