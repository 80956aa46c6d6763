"""A run this process holds, as far as it speaks: what its executor says becomes checkpoints."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrator.core.errors import EngineUnavailable, LeaseLost, SessionLost
from orchestrator.core.ops import Op
from orchestrator.engine.appending import append_when_possible, submit_when_possible
from orchestrator.engine.bodies import Bodies
from orchestrator.engine.facts import RunFacts
from orchestrator.engine.hosting import Host
from orchestrator.engine.journal.items import Call, Checkpoint
from orchestrator.engine.latest import PROGRESS_SECONDS, Latest, Told
from orchestrator.engine.progress import store_progress
from orchestrator.engine.recording import Recorder
from orchestrator.sdk.transport import WARNINGS, StepRun, Suspend

PROGRESS_EVERY = timedelta(seconds=PROGRESS_SECONDS)
_FIRST = threading.Lock()


class HeldRun(ABC):
    """Lives on the engine's loop; the blocking faces are called from body threads."""

    def __init__(self, host: Host, recorder: Recorder) -> None:
        self.host = host
        self.now: Callable[[], datetime] = host.clock.now
        self.recorder = recorder
        self.resting = False  # released in the database, the coroutine stays in memory
        self.ended = False
        self._bodies = Bodies()
        self._scratched = False  # there may be files to remove
        self._progress: Latest | None = None

    @abstractmethod
    def lose(self) -> None: ...

    @abstractmethod
    def give_back(self) -> None: ...

    @abstractmethod
    def _break(self, error: Exception) -> None: ...

    @abstractmethod
    def _watch_timers(self) -> None: ...

    @abstractmethod
    def _before_append(self, checkpoint: Checkpoint) -> None: ...

    @property
    def facts(self) -> RunFacts:
        return self.recorder.facts

    def entropy(self) -> float:
        return self.host.clock.entropy()

    def new_id(self) -> str:
        return self.host.clock.new_id()

    def log(self, key: str, number: int, level: str, logger: str, message: str) -> None:
        self._bodies.logs.add(key, number, self.now(), level=level, logger=logger, message=message)
        if logger == WARNINGS:
            self.host.bodies_run()  # shown soon, though no checkpoint may come for long

    # Checkpoints

    def _record(self, op: Op, record: Callable[[Op, datetime], Checkpoint] | None = None) -> Checkpoint:
        checkpoint = (record or self.recorder.record)(op, self.now())
        checkpoint.rows.extend(self._bodies.logs.take(self.facts.id))
        return checkpoint

    def _checkpoint(self) -> Checkpoint:
        """One that says nothing yet, with what was logged."""
        return Checkpoint(self.facts.id, self.facts.fence, rows=[*self._bodies.logs.take(self.facts.id)])

    def commit(self, op: Op) -> Coroutine[Any, Any, None]:
        # Not async: each coroutine between a body and its checkpoint is entered twice a step.
        self._must_hold()
        return self._append(self._record(op))

    def _must_hold(self) -> None:
        """A coroutine that moves while its run rests (a time limit of asyncio's) speaks for nobody. Raises Suspend."""
        if self.resting or self.ended:
            self.host.pool.on_loop(self.lose)
            raise Suspend

    async def _write(self, checkpoint: Checkpoint) -> None:
        """What no step waits for: when the database refuses it, the run cannot go on."""
        try:
            await self._append(checkpoint)
        except Exception as error:  # whatever the driver raises
            self._break(error)

    async def _append(self, checkpoint: Checkpoint) -> None:
        """Raises Suspend when the run is another's by now: the author's code is unwound."""
        self._before_append(checkpoint)
        try:
            try:
                await self.host.journal.append(checkpoint)
            except EngineUnavailable:
                await append_when_possible(self.host.journal, checkpoint)
        except Exception as error:
            self.host.refused(checkpoint.new_runs)
            if not isinstance(error, LeaseLost | SessionLost):
                raise
            self.lose()
            raise Suspend from None
        self._committed()

    def commit_blocking(self, op: Op) -> None:
        """What a thread says too late is said all the same: it is refused, and the new owner journals that."""
        checkpoint = self._record(op)
        try:
            submit_when_possible(self.host.journal, checkpoint)
        except Exception as error:
            self.host.refused(checkpoint.new_runs)
            if not isinstance(error, LeaseLost | SessionLost):
                raise
            self.host.pool.on_loop(self.lose)
            raise Suspend from None
        if self.host.draining:
            raise Suspend

    def _committed(self) -> None:
        if self.host.draining and not self._bodies and not self.ended and not self.resting:
            self.give_back()
            raise Suspend
        if not self.resting and not self.ended:
            self._watch_timers()

    def transact(self, step: StepRun, function: Callable[[], Any]) -> str:
        return self.host.transact(self.recorder, step, function)

    # Bodies

    def body_began(self, step: StepRun) -> None:
        self._bodies.began(step)
        self.host.bodies_run()

    def body_ended(self, step: StepRun) -> None:
        self._bodies.ended(step)

    def show_bodies(self) -> bool:
        """Writes the row of each body that has run for a while; whether any still runs."""
        if self.ended or self.resting:
            return False
        tell = self.host.journal.submit
        return self._bodies.show(self.now(), lambda op: tell(self._record(op)), lambda: tell(self._checkpoint()))

    # Around the steps

    def scratch(self) -> Path:
        self._scratched = True
        return self.host.scratch.path(self.facts.id)

    def progress(self, fraction: float, message: str) -> None:
        if self.ended or self.resting:
            return  # whoever holds the run now tells how far it is
        with _FIRST:
            if self._progress is None:
                self._progress = Latest(self._store_progress)
            progress = self._progress
        if progress.put((fraction, message)):
            self.host.pool.on_loop(lambda: self.host.at(self.now() + PROGRESS_EVERY, progress.flush))

    def _store_progress(self, told: Told) -> None:
        self.host.journal.submit(Call(lambda tx: store_progress(tx, self.facts.id, told)))

    async def call(self, function: Callable[[], Any]) -> Any:
        return await self.host.pool.call(function)

    def spawn(self, function: Callable[[], Any]) -> Callable[[], Any] | None:
        return self.host.pool.spawn(function)
