"""The functions list: what is registered, what starts it, and how it fared in the last 24 hours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Subquery

from console.presenters.figures import FAILED, SPANS, Micros, newest, percent
from console.presenters.schedules import schedule
from console.presenters.text import STATUS_WORDS
from orchestrator.core.durations import format_duration
from orchestrator.core.ops import Status
from orchestrator.models import Function, Run
from orchestrator.models.fields import to_micros
from orchestrator.overdue import Expected, expected_functions

DAY = SPANS["24h"]
PARTS = DAY.length // DAY.part
MOST_RUNS = 50_000
CHART_HEIGHT = 20  # of the small chart's coordinates, in which an hour is 4 wide
FEW_RUNS = 4  # an hour with that many is a full bar, so that a single run does not look like a rush


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a function; ``next`` is when a schedule does."""

    kind: str
    text: str
    note: str = ""
    next: datetime | None = None


@dataclass(slots=True)
class Tally:
    """The runs of a function by hour and by how they ended."""

    hours: list[int] = field(default_factory=lambda: [0] * PARTS)
    completed: int = 0
    failed: int = 0

    @property
    def runs(self) -> int:
        return sum(self.hours)

    def add(self, hour: int, status: str, number: int) -> None:
        if 0 <= hour < PARTS:
            self.hours[hour] += number
            self.completed += number if status == Status.COMPLETED else 0
            self.failed += number if status in FAILED else 0


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """``rate`` is the share of failed runs in words; ``bars`` is the path of a small chart."""

    function: Function
    doc: str
    triggers: Sequence[Trigger]
    runs: int
    failed: int
    rate: str
    bars: str
    last: Run | None
    last_word: str
    overdue_since: datetime | None


@dataclass(frozen=True, slots=True)
class FunctionList:
    """``since`` is where the counted runs begin when there were too many to count them all."""

    rows: Sequence[FunctionRow]
    since: datetime | None

    def with_text(self, text: str) -> "FunctionList":
        """The functions that have a text in their id or description, in any case."""
        wanted = text.casefold()
        rows = [row for row in self.rows if wanted in f"{row.function.slug}\n{row.doc}".casefold()]
        return FunctionList(rows, self.since)


def functions(env: int, now: datetime) -> FunctionList:
    """All functions with what they did in the last 24 hours: six queries."""
    tallies, since = _tallies(env, now)
    runs = Run.objects.filter(env=env, function=OuterRef("slug")).order_by("-id")
    found = list(Function.objects.filter(env=env).annotate(last=Subquery(runs.values("id")[:1])).order_by("slug"))
    last = Run.objects.in_bulk([function.last for function in found if function.last])
    expected = expected_functions(env, now)
    rows = [
        _row(each, tallies.get(each.slug, Tally()), last.get(each.last or ""), expected.get(each.slug), now)
        for each in found
    ]
    return FunctionList(rows, since)


def _tallies(env: int, now: datetime) -> tuple[Mapping[str, Tally], datetime | None]:
    begin = DAY.begin(now)
    runs, since = newest(Run.objects.filter(env=env), begin, MOST_RUNS)
    hour = (Micros("queued_at") - to_micros(begin)) / (to_micros(begin + DAY.part) - to_micros(begin))
    counted = runs.annotate(hour=hour).values_list("function", "hour", "status").annotate(n=Count("id")).order_by()
    tallies: dict[str, Tally] = {}
    for slug, hour_number, status, number in counted:
        tallies.setdefault(slug, Tally()).add(hour_number, status, number)
    return tallies, since


def _row(function: Function, tally: Tally, last: Run | None, expected: Expected | None, now: datetime) -> FunctionRow:
    ended = tally.completed + tally.failed
    return FunctionRow(
        function=function,
        doc=str((function.config or {}).get("doc") or "").strip().split("\n\n")[0],
        triggers=[_trigger(trigger, now) for trigger in function.triggers or []] or [Trigger("call", "called by name")],
        runs=tally.runs,
        failed=tally.failed,
        rate=percent(tally.failed / ended if ended else None),
        bars=_bars(tally.hours),
        last=last,
        last_word=STATUS_WORDS[Status(last.status)] if last else "",
        overdue_since=expected.overdue_since if expected else None,
    )


def _bars(hours: Iterable[int]) -> str:
    """An SVG path with a bar an hour, the highest as high as the chart."""
    numbers = list(hours)
    most = max(*numbers, FEW_RUNS)
    heights = [max(1, round(CHART_HEIGHT * number / most)) if number else 0 for number in numbers]
    return "".join(f"M{4 * n} {CHART_HEIGHT}v-{height}h3v{height}z" for n, height in enumerate(heights) if height)


def _trigger(trigger: Mapping[str, Any], now: datetime) -> Trigger:
    if trigger.get("cron"):
        told = schedule(trigger, now)
        return Trigger("cron", told.expression, told.words, told.next)
    if trigger.get("every"):
        return Trigger("cron", f"every {format_duration(timedelta(seconds=trigger['every']))}")
    condition = trigger.get("if") or trigger.get("expression")
    return Trigger("event", str(trigger.get("event", "")), f"if {condition}" if condition else "")
