"""How functions fared: counts and durations by spans of time, by SQL that both databases know.

Only the newest runs are looked at, so that a page is as quick among a million of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Count, F, Func, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from orchestrator.core.ids import new_id
from orchestrator.core.ops import Status
from orchestrator.models import Run
from orchestrator.models.fields import from_micros, to_micros

MOST_RUNS = 10_000
FAILED = frozenset({Status.FAILED, Status.TIMED_OUT, Status.EXPIRED})
P50, P95 = 50, 95
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time until now, cut into equal parts."""

    name: str
    word: str
    length: timedelta
    part: timedelta

    def begin(self, now: datetime) -> datetime:
        """Where it begins, so that parts begin at full hours or days and the last one holds ``now``."""
        part_us = self.part // MICROSECOND
        end_us = (to_micros(now) // part_us + 1) * part_us
        return from_micros(end_us) - self.length


SPANS = {
    span.name: span
    for span in (
        Span("1h", "1 hour", timedelta(hours=1), timedelta(minutes=2)),
        Span("24h", "24 hours", timedelta(hours=24), timedelta(hours=1)),
        Span("7d", "7 days", timedelta(days=7), timedelta(hours=6)),
        Span("30d", "30 days", timedelta(days=30), timedelta(days=1)),
    )
}


class Micros(Func):
    """A moment's microseconds since 1970."""

    output_field = BigIntegerField()
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "(EXTRACT(EPOCH FROM %(expressions)s) * 1000000)::bigint"
        return self.as_sql(compiler, connection, template=template, **extra)


@dataclass(frozen=True, slots=True)
class Part:
    """Runs queued in a part of a span, and how long those that completed took; None when none did."""

    start: datetime
    end: datetime
    statuses: Mapping[Status, int]
    p50_us: int | None = None
    p95_us: int | None = None

    @property
    def runs(self) -> int:
        return sum(self.statuses.values())

    @property
    def failed(self) -> int:
        return sum(number for status, number in self.statuses.items() if status in FAILED)

    @property
    def completed(self) -> int:
        return self.statuses.get(Status.COMPLETED, 0)

    @property
    def open(self) -> int:
        return sum(number for status, number in self.statuses.items() if not status.final)


@dataclass(frozen=True, slots=True)
class Figures:
    """``whole`` is all of the parts. ``since`` is where the newest runs begin when there are more of them."""

    whole: Part
    parts: Sequence[Part]
    since: datetime | None


def figures(env: int, function: str, span: Span, now: datetime) -> Figures:
    """Five queries, whatever the number of runs."""
    begin = span.begin(now)
    runs = Run.objects.filter(env=env, function=function)
    runs, since = newest(runs, begin, MOST_RUNS)
    part_us, begin_us = span.part // MICROSECOND, to_micros(begin)
    runs = runs.annotate(part=(Micros("queued_at") - begin_us) / part_us)
    statuses: dict[int, dict[Status, int]] = {}
    for part, status, number in runs.values_list("part", "status").annotate(n=Count("id")).order_by():
        statuses.setdefault(part, {})[Status(status)] = number
    by_part, overall = percentiles(runs, by_part=True), percentiles(runs, by_part=False)
    parts = [
        Part(begin + n * span.part, begin + (n + 1) * span.part, statuses.get(n, {}), *by_part.get(n, (None, None)))
        for n in range(span.length // span.part)
    ]
    total: dict[Status, int] = {}
    for part in parts:
        for status, number in part.statuses.items():
            total[status] = total.get(status, 0) + number
    return Figures(Part(begin, now, total, *overall.get(0, (None, None))), parts, since)


def newest(runs: QuerySet[Run], begin: datetime, most: int) -> tuple[QuerySet[Run], datetime | None]:
    """The runs queued from ``begin`` on, at most the newest ``most``, and where those begin if there are more."""
    runs = runs.filter(id__gte=new_id(begin, bytes(10)))
    more = runs.order_by("-id").values_list("id", "queued_at")[most : most + 1]
    for id, queued_at in more:
        return runs.filter(id__gt=id), queued_at
    return runs, None


def percentiles(runs: QuerySet[Run], *, by_part: bool) -> dict[int, tuple[int, int]]:
    """The medians and 95th percentiles of completed runs in microseconds, nearest rank; without parts under 0."""
    cut = [F("part")] if by_part else None
    took = Micros("ended_at") - Micros("started_at")
    ranked = runs.filter(status=Status.COMPLETED, started_at__isnull=False).annotate(
        took=took,
        n=Window(Count("id"), partition_by=cut),
        rank=Window(RowNumber(), partition_by=cut, order_by=took.asc()),
    )
    wanted = {percent: (F("n") * percent + 99) / 100 for percent in (P50, P95)}
    chosen = ranked.filter(Q(rank=wanted[P50]) | Q(rank=wanted[P95]))
    found: dict[int, list[int]] = {}
    for part, took_us in chosen.order_by("rank").values_list("part", "took"):
        found.setdefault(part if by_part else 0, []).append(took_us)
    return {part: (values[0], values[-1]) for part, values in found.items()}


def rate(part: Part) -> float | None:
    """The share of failed runs among those that completed or failed; None when there are none."""
    ended = part.completed + part.failed
    return part.failed / ended if ended else None


def percent(share: float | None) -> str:
    """``2.1 %``; a dash for nothing, and never 0 % for what did happen."""
    if share is None:
        return "–"
    if 0 < share < 0.001:
        return "<0.1\u00a0%"
    return f"{100 * share:.1f}".removesuffix(".0") + "\u00a0%"
