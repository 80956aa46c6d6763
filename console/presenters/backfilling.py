"""What a backfill would do: the ticks of a range, and which of them have runs already."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from console.presenters.schedule_list import Moment
from orchestrator.core.errors import InvalidSchedule
from orchestrator.core.schedules import Overlap, schedule_of
from orchestrator.core.ticking import ticks_within
from orchestrator.engine.scheduling import MOST_BACKFILLED
from orchestrator.models import Schedule, ScheduleTick

MOST_SHOWN = 40
A_DAY = timedelta(days=1)
HAVE_RUNS = ("started", "buffered")
OVERLAP_WORDS = {
    Overlap.BUFFER_ALL: "one after another",
    Overlap.ALLOW: "all at once",
    Overlap.SKIP: "left out while a run is under way",
    Overlap.BUFFER_ONE: "one waits, further ones are left out",
    Overlap.CANCEL_OTHER: "each asks the one before it to cancel",
    Overlap.TERMINATE_OTHER: "each ends the one before it",
}


@dataclass(frozen=True, slots=True)
class PlannedTick:
    moment: Moment
    done: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """``ticks`` are the first of those that there are; ``done`` have runs already."""

    number: int
    done: int
    ticks: Sequence[PlannedTick]

    @property
    def to_start(self) -> int:
        return self.number - self.done

    @property
    def more(self) -> int:
        return self.number - len(self.ticks)


def zone(row: Schedule) -> ZoneInfo:
    """UTC for one that this machine does not know: rows outlive its database of zones."""
    try:
        return ZoneInfo(str(row.timing.get("tz") or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def last_day(row: Schedule, now: datetime) -> tuple[datetime, datetime]:
    """A range to begin with, on the wall of the schedule's zone."""
    end = now.astimezone(zone(row)).replace(second=0, microsecond=0)
    return end - A_DAY, end


def plan(row: Schedule, first: datetime, last: datetime) -> Plan:
    """One query. Raises InvalidSchedule for more ticks than one backfill starts."""
    ticks = ticks_within(schedule_of(**row.timing), first, last, MOST_BACKFILLED + 1)
    if len(ticks) > MOST_BACKFILLED:
        raise InvalidSchedule(f"that is more than {MOST_BACKFILLED} ticks: give a shorter range")
    known = ScheduleTick.objects.filter(schedule=row.id, at__gte=first, at__lte=last, state__in=HAVE_RUNS)
    done = set(known.values_list("at", flat=True)) & set(ticks)
    wall = zone(row)
    shown = [
        PlannedTick(Moment(tick, f"{tick.astimezone(wall):%a %Y-%m-%d %H:%M:%S %Z}"), tick in done)
        for tick in ticks[:MOST_SHOWN]
    ]
    return Plan(len(ticks), len(done), shown)
