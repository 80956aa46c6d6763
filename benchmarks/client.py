"""A client on a loop of its own: sends events through the engine's verbs, hears of runs that are durably over."""

import asyncio
from collections.abc import Sequence
from time import perf_counter

from orchestrator.core.events import IncomingEvent
from orchestrator.core.ops import FINAL, Status
from orchestrator.engine.bell import Change, subscribe
from orchestrator.engine.ingest import asend_events


class Client:
    """Counts runs whose end is committed. One at a time, in a running loop."""

    def __init__(self) -> None:
        self.ended = 0
        self.failed = 0
        self._room = asyncio.Semaphore(0)
        self._wanted = 0
        self._reached: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self.close = subscribe(self._hear)

    async def send(self, name: str, *, n: int = 1, times: int = 1) -> None:
        """Answers when the events and their runs are durable."""
        await asend_events([IncomingEvent(f"bench/{name}", {"n": n})] * times)

    async def run(self, name: str, *, n: int = 1, times: int = 1, runs: int = 1) -> float:
        """From sending an event until ``runs`` runs, the last of them its own, have ended; seconds."""
        before, begin = self.ended, perf_counter()
        await self.send(name, n=n, times=times)
        await self._until(before + runs)
        return perf_counter() - begin

    async def saturate(self, name: str, *, runs: int, in_flight: int, limit_seconds: float) -> float:
        """Runs a second in a closed loop: an event is sent when a run has ended, until one of the limits is met."""
        before, sent, begin = self.ended, 0, perf_counter()
        self._room = asyncio.Semaphore(in_flight)

        async def sender() -> None:
            nonlocal sent
            while sent < runs and perf_counter() - begin < limit_seconds:
                sent += 1
                await self._room.acquire()
                await self.send(name)

        await asyncio.gather(*(sender() for _ in range(in_flight)))
        await self._until(before + sent)
        return sent / (perf_counter() - begin)

    async def _until(self, ended: int) -> None:
        if self.ended < ended:
            self._wanted, self._reached = ended, self._loop.create_future()
            await self._reached
        if self.failed:
            raise RuntimeError(f"{self.failed} runs of the benchmark did not complete")

    def _hear(self, changes: Sequence[Change]) -> None:
        ended = [change.status for change in changes if change.status in FINAL]
        if ended:
            self._loop.call_soon_threadsafe(self._count, len(ended), len(ended) - ended.count(Status.COMPLETED))

    def _count(self, ended: int, failed: int) -> None:
        self.ended += ended
        self.failed += failed
        for _ in range(ended):
            self._room.release()
        if self._reached is not None and self.ended >= self._wanted and not self._reached.done():
            self._reached.set_result(None)
