"""What a live run needs of the engine that holds it."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Protocol

from orchestrator.engine.clock import Clock
from orchestrator.engine.journal.items import NewRun
from orchestrator.engine.journal.port import Journal
from orchestrator.engine.pool import BodyPool
from orchestrator.engine.recording import Recorder
from orchestrator.engine.scratch import Scratch
from orchestrator.sdk.registry import Registry
from orchestrator.sdk.transport import StepRun


class Host(Protocol):
    """Runs are ``live.LiveRun``: named by what they are there, so that neither module needs the other's."""

    journal: Journal
    clock: Clock
    pool: BodyPool
    draining: bool
    quarantine_after: int
    registry: Registry
    scratch: Scratch
    transact: Callable[[Recorder, StepRun, Callable[[], Any]], str]

    def lease(self, recorder: Recorder) -> dict[str, Any]: ...
    def refused(self, runs: Sequence[NewRun]) -> None: ...
    def soon(self, call: Callable[[], None]) -> None: ...
    def at(self, moment: datetime, call: Callable[[], None]) -> None: ...
    def drain(self, *runs: Any) -> None: ...
    def rested(self, run: Any) -> None: ...
    def gone(self, run: Any) -> None: ...
    def background(self, work: Coroutine[Any, Any, None]) -> None: ...
    def bodies_run(self) -> None: ...
