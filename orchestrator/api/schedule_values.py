"""The shapes of answers and requests about schedules."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from ninja import Path
from pydantic import Field

from orchestrator.api.requests import Body
from orchestrator.api.text import Name, Reason, SlugText
from orchestrator.api.values import Json, Moment
from orchestrator.core.schedules import CatchUp, Overlap

PathKey = Annotated[SlugText, Path(description="The schedule's key.")]
Length = Annotated[float | str, Field(description='Seconds, or text such as "10m" or "PT10M".')]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a function starts by itself."""

    key: str
    function: str
    words: Annotated[str, Field(description="As people say it.")]
    declared: Annotated[bool, Field(description="It is declared with its function: changed there, not here.")]
    timing: Annotated[dict[str, Any], Field(description="Times, exclusions, zone, bounds, jitter and policies.")]
    payload: Json
    state: Annotated[str, Field(description="active, paused or ended.")]
    paused_at: Moment | None
    note: Annotated[str, Field(description="Why it is paused.")]
    next_ticks: Annotated[list[datetime], Field(description="When its next five runs begin, jitter included.")]
    next_run_at: Moment | None
    overdue_since: Annotated[
        datetime | None, Field(description="No run has completed in time since then: see expected_within.")
    ]
    last_tick_at: Moment | None
    last_run_id: Annotated[str | None, Field(description="The last run that has ended.")]
    last_status: str | None
    last_success_at: Moment | None
    runs: int
    skipped: Annotated[int, Field(description="Ticks left out, by the overlap policy mostly.")]
    missed: Annotated[int, Field(description="Ticks that no scheduler saw to in time.")]
    created_at: Moment
    updated_at: Moment


@dataclass(frozen=True, slots=True)
class ScheduleTick:
    """A moment of a schedule, and what came of it."""

    at: Moment
    kind: Annotated[str, Field(description="tick, trigger (by hand) or backfill.")]
    state: Annotated[str, Field(description="started, buffered, skipped or missed.")]
    reason: str
    count: Annotated[int, Field(description="Missed ticks in a row are one entry.")]
    run_id: str | None
    status: Annotated[str | None, Field(description="How its run ended.")]
    decided_at: Moment
    ended_at: Moment | None


@dataclass(frozen=True, slots=True)
class SchedulePreview:
    """What a schedule would do."""

    words: str
    next_ticks: list[datetime]


@dataclass(frozen=True, slots=True)
class ScheduleTriggered:
    """What came of it: started, buffered or skipped."""

    state: str
    run_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class ScheduleBackfill:
    """Ticks of the range, those that have runs already, and what came of the others."""

    ticks: int
    done: int
    first: Moment | None
    last: Moment | None
    started: int
    buffered: int
    skipped: int


class Interval(Body):
    """Every so often, counted from 1970 in UTC, and ``offset`` later."""

    seconds: Length
    offset: Length = 0.0


class TimingBody(Body):
    """When. At least one time: of ``cron``, or of ``every``."""

    cron: Annotated[str | list[str], Field(description="Five fields, six with seconds first, or @daily.")] = []
    every: Annotated[str | float | Interval | list[str | float | Interval], Field(description='Such as "15m".')] = []
    tz: Annotated[str, Field(description="IANA time zone of crons and exclusions.")] = "UTC"
    exclude: Annotated[str | list[str], Field(description='Days such as "2026-12-25", and crons.')] = []
    start: Annotated[str | None, Field(description="No tick before it. ISO 8601 with a zone.")] = None
    end: Annotated[str | None, Field(description="No tick after it.")] = None
    jitter: Annotated[Length, Field(description="Each tick is put off by less than that.")] = 0.0
    max_runs: Annotated[int | None, Field(ge=1, le=2_000_000_000)] = None
    overlap: Overlap = Overlap.ALLOW
    catch_up: CatchUp = CatchUp.LATEST
    window: Annotated[Length, Field(description="Ticks later than that are not caught up.")] = "1 day"
    pause_on_failure: bool = False
    expected_within: Annotated[
        Length | None, Field(description="Overdue when no run has completed that long after a tick.")
    ] = None


class ScheduleBody(TimingBody):
    """A schedule. Sent again with the same key it is changed, or left as it is."""

    key: Annotated[str, Field(min_length=1, max_length=200, description="Yours to choose; one a schedule.")]
    function: Name
    payload: Annotated[
        Any, Field(description='A task\'s arguments by name; a function finds it as event.data["payload"].')
    ] = None


class ScheduleChanges(TimingBody):
    """What is to be changed; the rest stays."""

    function: Name | None = None
    payload: Json = None


class PauseBody(Body):
    """Why, for those who wonder."""

    note: Annotated[Reason, Field(max_length=500)] = ""


class ScheduleTriggerBody(Body):
    """How it gets along with what runs."""

    overlap: Overlap = Overlap.ALLOW


class BackfillBody(Body):
    """A range of ticks, both ends included."""

    start: Annotated[str, Field(description="ISO 8601 with a zone.")]
    end: str
    overlap: Overlap = Overlap.BUFFER_ALL
    preview: Annotated[bool, Field(description="Only count them.")] = False
