"""A client in a process without an engine: it hears of ends from PostgreSQL, and looks where it heard nothing."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async

from benchmarks.client import Client
from orchestrator.core.ops import FINAL, Status
from orchestrator.engine.bell import Change
from orchestrator.models import Attempt, Run, RunData

LATE = timedelta(seconds=1)  # between a run's end and its commit


class DistantClient(Client):
    """Counts each run once, however often it hears of its end."""

    def __init__(self) -> None:
        super().__init__()
        self._known: set[str] = set()

    async def look_again(self, every_seconds: float) -> None:
        """For as long as the client works."""
        since = datetime.now(UTC)
        while True:
            await asyncio.sleep(every_seconds)
            begun = datetime.now(UTC)
            self._note(await _ended(since - LATE))
            since = begun

    async def outputs(self, count: int) -> list[Any]:
        """Of the runs that were made last."""
        return await _outputs(count)

    async def naps(self, count: int) -> list[tuple[datetime, float]]:
        """When the runs that were made last began their nap, and when they went on."""
        return await _naps(count)

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
def _ended(since: datetime) -> list[tuple[str, str]]:
    return list(Run.objects.filter(ended_at__gte=since).values_list("id", "status"))


@sync_to_async
def _outputs(count: int) -> list[Any]:
    return list(RunData.objects.filter(run__in=_last(count)).values_list("output", flat=True))


@sync_to_async
def _naps(count: int) -> list[tuple[datetime, float]]:
    runs = _last(count)
    began = dict(Attempt.objects.filter(run__in=runs, key="nap").values_list("run", "started_at"))
    return [(began[run], output) for run, output in RunData.objects.filter(run__in=runs).values_list("run", "output")]


def _last(count: int) -> list[str]:
    return list(Run.objects.filter(parent=None).order_by("-id").values_list("id", flat=True)[:count])
