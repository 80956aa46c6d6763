"""A held run whose function executes in a process of its own: its limits, its samples, its deaths."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from orchestrator.core.ops import ErrorInfo, Op
from orchestrator.engine.bell import Change, ring
from orchestrator.engine.crashes import crash, crashes_in_a_row, quarantine
from orchestrator.engine.held import HeldRun
from orchestrator.engine.hosting import Host
from orchestrator.engine.journal.items import Call, Checkpoint
from orchestrator.engine.recording import Recorder
from orchestrator.engine.samples import Sampling
from orchestrator.engine.starving import enlarge, fail, was_enlarged
from orchestrator.sdk.transport import StepRun


class IsolatedRun(HeldRun):
    """What executors in other processes tell."""

    def __init__(self, host: Host, recorder: Recorder) -> None:
        super().__init__(host, recorder)
        self.ending: Callable[[], Checkpoint] | None = None  # how it ends once it is unwound
        self._sampling = Sampling(recorder.facts.id)

    @abstractmethod
    def finished(self, op: Op | None) -> None: ...

    @abstractmethod
    def _opened(self) -> Checkpoint: ...

    @abstractmethod
    async def _end(self, checkpoint: Checkpoint) -> None: ...

    def executes_in(self, pid: int) -> None:
        host, _, _ = self.recorder.worker.rpartition(":")
        self.recorder.worker = f"{host}:{pid}"

    def lease(self) -> dict[str, Any]:
        return self.host.lease(self.recorder)

    def committed(self, changes: list[list[Any]]) -> None:
        ring([Change(run, seq, status) for run, seq, status in changes])

    def sampled(self, cpu_percent: float, memory_bytes: int) -> None:
        if self.ended or self.resting:
            return
        second = int((self.now() - self.facts.started_at).total_seconds())
        store = self._sampling.store
        self.host.journal.submit(Call(lambda tx: store(tx, second, cpu_percent, memory_bytes)))

    async def was_enlarged(self) -> bool:
        answer: bool = await self.host.journal.append(Call(lambda tx: was_enlarged(tx, self.facts.id)))
        return answer

    def crashed(self, reason: str) -> None:
        """The process that executed it died."""
        if self._ends():
            self.finished(None)
        else:
            self.resting = True
            self.host.background(self._crash(reason))

    def starved(self, error: ErrorInfo, steps: Sequence[StepRun]) -> None:
        """Memory ran out in it."""
        if self._ends():
            self.finished(None)
        else:
            self.resting = True
            self.host.background(self._starve(error, steps))

    def _ends(self) -> bool:
        return self.ended or self.resting or self.ending is not None

    async def _crash(self, reason: str) -> None:
        bodies, checkpoint = self._bodies.running(), self._opened()
        crashes = 1 + await self.host.journal.append(Call(lambda tx: crashes_in_a_row(tx, self.facts.id)))
        if crashes < self.host.quarantine_after:
            self.host.gone(self)
            checkpoint.absorb(crash(self.recorder, reason, bodies, self.now()))
            await self._append(checkpoint)
        else:
            self.ended = True
            checkpoint.absorb(quarantine(self.recorder, reason, bodies, self.now(), crashes))
            await self._end(checkpoint)

    async def _starve(self, error: ErrorInfo, steps: Sequence[StepRun]) -> None:
        definition, checkpoint = self.host.registry.get(self.facts.function), self._opened()
        larger = definition.limits.larger
        if larger is not None and not await self.was_enlarged():
            checkpoint.absorb(enlarge(self.recorder, larger, error, steps, self.now()))
        else:
            checkpoint.absorb(
                fail(self.recorder, definition.retries, error, steps, now=self.now(), entropy=self.entropy())
            )
        self.ended = checkpoint.ends_run
        await self._end(checkpoint)
