"""A schedule as it is written down: when it ticks, and what is done when ticks come too close, or too late."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from orchestrator.core.cron import Cron, describe, zone_of
from orchestrator.core.durations import Duration, format_duration, parse_duration
from orchestrator.core.errors import InvalidSchedule
from orchestrator.core.moments import iso

SHORTEST = timedelta(seconds=1)
WINDOW = timedelta(days=1)  # how late a missed tick is still caught up, unless the schedule says otherwise
MOST_SPECS = 50
LONGEST_CRON = 200  # characters
FIRST_YEAR, LAST_YEAR = 1971, 2200
C = TypeVar("C", bound=StrEnum)


class Overlap(StrEnum):
    """What a tick does while a run of the schedule is still under way."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    BUFFER_ALL = "buffer_all"
    CANCEL_OTHER = "cancel_other"
    TERMINATE_OTHER = "terminate_other"
    ALLOW = "allow"


class CatchUp(StrEnum):
    """Which of the ticks that nobody saw to in time are made up for."""

    ALL = "all"
    LATEST = "latest"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Interval:
    """A moment every so often, counted from 1970 in UTC, ``offset`` later."""

    every: timedelta
    offset: timedelta = timedelta()

    def __post_init__(self) -> None:
        if self.every < SHORTEST:
            raise InvalidSchedule("an interval is at least one second")
        if not timedelta() <= self.offset < self.every:
            raise InvalidSchedule("the offset of an interval is shorter than the interval")


Spec = Cron | Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Ticks at each moment that one of ``specs`` names and no exclusion does. Raises InvalidSchedule.

    ``exclude`` holds days in ``tz`` and crons. ``jitter`` puts each tick off by less than that, always the same for
    the same tick. ``window``: a tick that is later than that is not caught up. ``expected_within``: a tick is overdue
    when no run of the schedule has completed that long after it.
    """

    specs: tuple[Spec, ...]
    exclude: tuple[date | Cron, ...] = ()
    tz: str = "UTC"
    start: datetime | None = None
    end: datetime | None = None
    jitter: timedelta = timedelta()
    max_runs: int | None = None
    overlap: Overlap = Overlap.ALLOW
    catch_up: CatchUp = CatchUp.LATEST
    window: timedelta = WINDOW
    pause_on_failure: bool = False
    expected_within: timedelta | None = None

    def __post_init__(self) -> None:
        zone_of(self.tz)
        if not self.specs:
            raise InvalidSchedule('a schedule needs a time: a cron such as "0 9 * * MON", or an interval such as "15m"')
        if max(len(self.specs), len(self.exclude)) > MOST_SPECS:
            raise InvalidSchedule(f"a schedule has at most {MOST_SPECS} times and {MOST_SPECS} exclusions")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise InvalidSchedule("a schedule ends after it starts")
        if self.max_runs is not None and self.max_runs < 1:
            raise InvalidSchedule("a schedule has at least one run: max_runs is 1 or more")

    def to_json(self) -> dict[str, Any]:
        """As it is stored and answered; durations in seconds."""
        return {
            "cron": [spec.expression for spec in self.specs if isinstance(spec, Cron)],
            "every": [_interval_json(spec) for spec in self.specs if isinstance(spec, Interval)],
            "exclude": [each.expression if isinstance(each, Cron) else each.isoformat() for each in self.exclude],
            "tz": self.tz,
            "start": iso(self.start) if self.start else None,
            "end": iso(self.end) if self.end else None,
            "jitter": self.jitter.total_seconds(),
            "max_runs": self.max_runs,
            "overlap": str(self.overlap),
            "catch_up": str(self.catch_up),
            "window": self.window.total_seconds(),
            "pause_on_failure": self.pause_on_failure,
            "expected_within": self.expected_within.total_seconds() if self.expected_within else None,
        }


def schedule_of(
    *,
    cron: str | Iterable[str] = (),
    every: Duration | Mapping[str, Any] | Iterable[Any] = (),
    tz: str = "UTC",
    exclude: str | Iterable[str | date] = (),
    start: datetime | str | None = None,
    end: datetime | str | None = None,
    jitter: Duration = 0,
    max_runs: int | None = None,
    overlap: str = Overlap.ALLOW,
    catch_up: str = CatchUp.LATEST,
    window: Duration = WINDOW,
    pause_on_failure: bool = False,
    expected_within: Duration | None = None,
) -> Schedule:
    """The schedule that people write, or ``to_json`` wrote. Raises InvalidSchedule, InvalidCron, InvalidDuration."""
    crons = [cron] if isinstance(cron, str) else list(cron)
    intervals = [every] if isinstance(every, str | timedelta | int | float | Mapping) else list(every)
    left_out = [exclude] if isinstance(exclude, str) else list(exclude)
    return Schedule(
        specs=(*(_cron(each, tz) for each in crons), *map(_interval, intervals)),
        exclude=tuple(_exclusion(each, tz) for each in left_out),
        tz=tz,
        start=moment_of(start),
        end=moment_of(end),
        jitter=parse_duration(jitter),
        max_runs=max_runs,
        overlap=_choice(Overlap, overlap),
        catch_up=_choice(CatchUp, catch_up),
        window=parse_duration(window),
        pause_on_failure=pause_on_failure,
        expected_within=None if expected_within is None else parse_duration(expected_within),
    )


def words(schedule: Schedule) -> str:
    """The schedule as people say it: "At 09:00, only on Monday (Europe/Paris)"."""
    said = [
        describe(spec).removesuffix(f" ({spec.tz})") if isinstance(spec, Cron) else interval_words(spec)
        for spec in schedule.specs
    ]
    text = "; ".join(said) + f" ({schedule.tz})"
    if schedule.exclude:
        number = len(schedule.exclude)
        text += f", with {number} exclusion{'s' if number > 1 else ''}"
    return text


def interval_words(interval: Interval) -> str:
    """The interval as people say it: "Every 15 m", "Every 6 h, 5 m after"."""
    after = f", {format_duration(interval.offset)} after" if interval.offset else ""
    return f"Every {format_duration(interval.every)}{after}"


def _cron(text: str, tz: str) -> Cron:
    if len(text) > LONGEST_CRON:
        raise InvalidSchedule(f"a cron expression has at most {LONGEST_CRON} characters")
    return Cron(text, tz)


def _interval_json(interval: Interval) -> dict[str, float]:
    return {"seconds": interval.every.total_seconds(), "offset": interval.offset.total_seconds()}


def _interval(value: Any) -> Interval:
    if isinstance(value, Interval):
        return value
    if isinstance(value, Mapping):
        if not {"seconds"} <= set(value) <= {"seconds", "offset"}:
            raise InvalidSchedule('an interval is written "15m", or {"seconds": 900, "offset": 60}')
        return Interval(parse_duration(value["seconds"]), parse_duration(value.get("offset", 0)))
    return Interval(parse_duration(value))


def _exclusion(value: str | date, tz: str) -> date | Cron:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        return _cron(value, tz)


def moment_of(value: datetime | str | None) -> datetime | None:
    """The aware moment, in UTC. Raises InvalidSchedule."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise InvalidSchedule(f'{value!r:.40} is no moment: write "2026-01-31T09:00:00Z"') from None
    if moment.tzinfo is None:
        raise InvalidSchedule(f'{value!s:.40} does not say its time zone: write "2026-01-31T09:00:00Z"')
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InvalidSchedule(f"{value!s:.40} is too far away: a schedule lives between {FIRST_YEAR} and {LAST_YEAR}")
    return moment.astimezone(UTC)


def _choice(kind: type[C], value: str) -> C:
    try:
        return kind(value)
    except ValueError:
        raise InvalidSchedule(f"{value!r:.40} is none of {', '.join(kind)}") from None
