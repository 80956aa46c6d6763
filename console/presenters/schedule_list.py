"""The schedules page: each schedule with its next moments in its own zone, and how it fares."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from console.presenters.text import STATUS_WORDS
from orchestrator.api.queries.schedules import list_schedules
from orchestrator.api.schedule_values import Schedule
from orchestrator.core.ops import Status

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, and how the clock on the wall of the schedule's zone says it."""

    at: datetime
    wall: str


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """``word``: how its last run ended, in words."""

    schedule: Schedule
    next: Sequence[Moment]
    word: str

    @property
    def status(self) -> str:
        """The glyph of its state."""
        return {"paused": "paused", "ended": "completed"}.get(self.schedule.state, "delayed")


def schedules(env: int, now: datetime) -> list[ScheduleRow]:
    """The first 200 schedules by key. One query."""
    return [_row(schedule) for schedule in list_schedules(env, now, limit=MOST_SHOWN).data]


def _row(schedule: Schedule) -> ScheduleRow:
    zone = ZoneInfo(str(schedule.timing.get("tz") or "UTC")) if schedule.next_ticks else None
    moments = [Moment(tick, f"{tick.astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}") for tick in schedule.next_ticks]
    word = STATUS_WORDS[Status(schedule.last_status)] if schedule.last_status else ""
    return ScheduleRow(schedule, moments, word)
