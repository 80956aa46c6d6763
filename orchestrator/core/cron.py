"""Cron schedules in the time of a place: which moments they name, and how to say them in words."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from cron_descriptor import ExpressionDescriptor, FormatError, Options  # type: ignore[import-untyped]
from cronsim import CronSim, CronSimError

from orchestrator.core.errors import InvalidCron

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FORM = (
    'write 5 fields (minute, hour, day of month, month, day of week) such as "0 9 * * MON-FRI", 6 with seconds first,'
    " or @daily"
)
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
LARGEST_CHANGE = timedelta(hours=3)  # clocks are put back by two hours at most; by a day only before 1970
A_LEAP_YEAR = datetime(2000, 1, 1)  # noqa: DTZ001  wall time


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule by wall clock in time zone ``tz``. Raises InvalidCron.

    When clocks are put forward or back, as in Debian's cron: a schedule that names both its minutes and its hours
    happens once for each time it names (a time that is left out happens at the first moment after the gap, one that
    comes twice happens the first time only); one whose minutes or hours begin with ``*`` follows the clock on the wall
    (what is left out does not happen, what comes twice happens twice).
    """

    expression: str
    tz: str = "UTC"

    def __post_init__(self) -> None:
        object.__setattr__(self, "expression", " ".join(self.expression.split()))
        zone_of(self.tz)
        if next(_walls(self.fields, A_LEAP_YEAR), None) is None:
            raise InvalidCron(f"cron expression {self.expression!r} names no day that exists")

    @property
    def fields(self) -> str:
        """The five or six fields, also of ``@daily`` and its like."""
        return ALIASES.get(self.expression.lower(), self.expression)


def next_tick(cron: Cron, after: datetime) -> datetime:
    """The first moment of the schedule that is later than ``after``, aware UTC."""
    zone = zone_of(cron.tz)
    wall = after.astimezone(zone).replace(tzinfo=None)
    following = next(_walls(cron.fields, wall), None)
    if following is None:
        raise _no_moment(cron, after)
    tick = following.replace(tzinfo=zone).astimezone(UTC)
    if _is_calm(after.astimezone(UTC), zone) and _is_calm(tick, zone):
        return tick
    return _next_near_change(cron, wall, after, zone)


def names(cron: Cron, moment: datetime) -> bool:
    """Whether the schedule names that moment's minute (with six fields: its second) on the wall of its zone."""
    wall = moment.astimezone(zone_of(cron.tz)).replace(tzinfo=None, microsecond=0)
    if len(cron.fields.split()) == 5:
        wall = wall.replace(second=0)
    return next(_walls(cron.fields, wall - SECOND), None) == wall


def ticks_between(cron: Cron, start: datetime, end: datetime, limit: int) -> list[datetime]:
    """The first ``limit`` moments of the schedule later than ``start`` and not later than ``end``."""
    ticks: list[datetime] = []
    while len(ticks) < limit:
        start = next_tick(cron, start)
        if start > end:
            break
        ticks.append(start)
    return ticks


@lru_cache(maxsize=1024)
def describe(cron: Cron) -> str:
    """The schedule in words: "At 09:00, Monday through Friday (Europe/Paris)"."""
    options = Options()
    options.use_24hour_time_format = True
    options.locale_code = "en_US"
    try:
        words = str(ExpressionDescriptor(cron.fields, options).get_description())
    except FormatError:  # it knows fewer forms than cronsim
        words = cron.expression
    return f"{words} ({cron.tz})"


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """The time zone of that name. Raises InvalidCron."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder, such as "Europe"
        known = "give a name of the IANA database such as 'Europe/Paris'"
        raise InvalidCron(f"no time zone {name!r:.60}: {known}") from None


@lru_cache(maxsize=1024)
def _parsed(fields: str) -> CronSim:
    if len(fields.split()) not in (5, 6):
        raise InvalidCron(f"cron expression {fields!r} has {len(fields.split())} fields: {FORM}")
    try:
        return CronSim(fields, A_LEAP_YEAR)
    except CronSimError as error:
        raise InvalidCron(f"cron expression {fields!r}: {str(error).lower()}: {FORM}") from None


def _walls(fields: str, after: datetime) -> Iterator[datetime]:
    """The wall times a schedule names, without any time zone."""
    simulation = copy(_parsed(fields))
    simulation.dt = after.replace(microsecond=0)
    return simulation


def _is_calm(moment: datetime, zone: tzinfo) -> bool:
    """True if no clock is changed within a day of ``moment``: there each wall time comes exactly once."""
    if zone is UTC:
        return True
    offsets = {(moment + shift).astimezone(zone).utcoffset() for shift in (-DAY, timedelta(), DAY)}
    return len(offsets) == 1


def _next_near_change(cron: Cron, wall: datetime, after: datetime, zone: tzinfo) -> datetime:
    minutes, hours = cron.fields.split()[-5:-3]
    once = not minutes.startswith("*") and not hours.startswith("*")
    best: datetime | None = None
    for named in _walls(cron.fields, wall - LARGEST_CHANGE):
        if best is not None and named > best.astimezone(zone).replace(tzinfo=None) + LARGEST_CHANGE:
            break
        later = [moment for moment in _moments(named, zone, once) if moment > after]
        best = min([*later, best] if best else later, default=None)
    if best is None:
        raise _no_moment(cron, after)
    return best


def _moments(wall: datetime, zone: tzinfo, once: bool) -> list[datetime]:
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return [first]
    if first < second:  # the wall time comes twice
        return [first] if once else [first, second]
    if not once:
        return []
    wall = wall.replace(second=0)  # gaps begin and end at whole minutes
    while wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        wall += MINUTE
    return [wall.replace(tzinfo=zone).astimezone(UTC)]


def _no_moment(cron: Cron, after: datetime) -> InvalidCron:
    return InvalidCron(f"cron expression {cron.expression!r} names no moment in the 50 years after {after}")
