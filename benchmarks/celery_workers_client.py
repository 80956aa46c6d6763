"""A client in a process without an engine: it hears of ends from PostgreSQL, and looks where it heard nothing."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from asgiref.sync import sync_to_async

from benchmarks.client import Client
from orchestrator.core.ops import FINAL, Status
from orchestrator.engine.bell import Change
from orchestrator.models import Run, RunData


class DistantClient(Client):
    """Counts each run once, however often it hears of its end."""

    def __init__(self) -> None:
        super().__init__()
        self._known: set[str] = set()

    async def look_again(self, every_seconds: float) -> None:
        """For as long as the client works."""
        while True:
            await asyncio.sleep(every_seconds)
            self._note(await _ended())

    async def outputs(self, count: int) -> list[Any]:
        """Of the runs that were made last."""
        return await _outputs(count)

    def _hear(self, changes: Sequence[Change]) -> None:
        ended = [(change.run, str(change.status)) for change in changes if change.status in FINAL]
        if ended:
            self._loop.call_soon_threadsafe(self._note, ended)

    def _note(self, ended: Iterable[tuple[str, str]]) -> None:
        new = {run: status for run, status in ended if run not in self._known}
        self._known |= new.keys()
        if new:
            self._count(len(new), sum(status != Status.COMPLETED for status in new.values()))


@sync_to_async
def _ended() -> list[tuple[str, str]]:
    return list(Run.objects.filter(ended_at__isnull=False).values_list("id", "status"))


@sync_to_async
def _outputs(count: int) -> list[Any]:
    runs = Run.objects.filter(parent=None).order_by("-id").values_list("id", flat=True)[:count]
    return list(RunData.objects.filter(run__in=list(runs)).values_list("output", flat=True))
