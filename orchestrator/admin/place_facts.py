"""Places of execution: how many runs the live workers of some queues execute at once, and how many do now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, QuerySet

from orchestrator.conf import settings
from orchestrator.core.ops import Status
from orchestrator.core.places import Pool, Serving, pool_of, pools_of
from orchestrator.doctor.sessions import live_engines
from orchestrator.models import Function, Run


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """Queues that share their workers. ``each``: how many runs each of these executes at once."""

    queues: tuple[str, ...]
    each: tuple[int, ...]
    used: int = 0
    waiting: int = 0

    @property
    def workers(self) -> int:
        return len(self.each)

    @property
    def places(self) -> int:
        return sum(self.each)

    @property
    def at_once(self) -> str:
        """``500 at once on each``, or ``200 to 500 at once on each``."""
        fewest, most = min(self.each, default=0), max(self.each, default=0)
        return f"{most} at once on each" if fewest == most else f"{fewest} to {most} at once on each"

    @property
    def name(self) -> str:
        return ", ".join(self.queues)


def all_places(env: int = 1) -> list[PlaceFacts]:
    """Of every queue that a function waits in or a worker looks into. Four queries."""
    queues = queues_of(Function.objects.filter(env=env, removed_at=None))
    used = _count(Run.objects.filter(owner__isnull=False))
    waiting = _count(Run.objects.filter(status=Status.QUEUED, owner=None, gate=None))
    return [
        _facts(
            pool,
            sum(used.get(queue, 0) for queue in pool.queues),
            sum(waiting.get(queue, 0) for queue in pool.queues),
        )
        for pool in pools_of(queues, _workers())
    ]


def places_of(queues: Iterable[str]) -> PlaceFacts:
    """Of the workers that look into these queues, and of the queues that share them. Counts no runs."""
    return _facts(pool_of(queues, _workers()))


def queues_of(functions: Iterable[Function]) -> set[str]:
    """The queues that their runs wait in."""
    return {str(function.config.get("queue") or "default") for function in functions}


def _workers() -> list[Serving]:
    # A session of the version before does not say how many: its setting is taken to be that of this process.
    guess = settings().concurrency
    return [
        Serving(frozenset(worker.queues), guess if worker.concurrency is None else worker.concurrency)
        for worker in live_engines(datetime.now(UTC))
    ]


def _facts(pool: Pool, used: int = 0, waiting: int = 0) -> PlaceFacts:
    return PlaceFacts(tuple(sorted(pool.queues)), pool.each, used, waiting)


def _count(runs: "QuerySet[Run]") -> dict[str, int]:
    return dict(runs.order_by().values_list("queue").annotate(n=Count("id")))
