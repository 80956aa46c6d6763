"""Values of one type made of another in expressions, and the parts of a moment."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.core.durations import parse_duration
from orchestrator.core.errors import InvalidDuration
from orchestrator.core.operators import bounded, number, text_of

WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
DECIMAL = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?(?:[eE][+-]?[0-9]{1,3})?")
BOOLEANS = {text: value for value in (True, False) for text in (("1", "t", "true") if value else ("0", "f", "false"))}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A count since 1970 is of seconds, of milliseconds as in an event's ts, of micro- or of nanoseconds, by its size.
UNITS = ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (float("inf"), 1e9))


def moment(value: Any) -> datetime:
    """The moment that ISO 8601 text names (in UTC unless it says otherwise), or a count since 1970."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        named = datetime.fromisoformat(value)
        return named.astimezone(UTC) if named.tzinfo else named.replace(tzinfo=UTC)
    count = number(value)
    return EPOCH + timedelta(seconds=count / next(unit for below, unit in UNITS if abs(count) < below))


def duration(value: Any) -> timedelta:
    """The length of time that text such as "1h30m" says, also a negative one; a bare number is seconds."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(f"{value!r:.40} is no duration")
    text = text_of(value).strip()
    try:
        length = parse_duration(text.removeprefix("-"))
    except InvalidDuration as error:
        raise ValueError(str(error)) from None
    return -length if text.startswith("-") else length


def now(value: Any) -> datetime:
    return EPOCH if value is None else moment(value)


def _whole(value: Any) -> int:
    if isinstance(value, str):
        if not WHOLE.fullmatch(value):
            raise ValueError(f"{value!r:.40} is no whole number")
        return int(bounded(int(value)))
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(seconds=1)
    return int(bounded(number(value)))


def _natural(value: Any) -> int:
    whole = _whole(value)
    if whole < 0:
        raise ValueError(f"{whole} is negative")
    return whole


def _double(value: Any) -> float:
    if isinstance(value, str):
        if not DECIMAL.fullmatch(value):
            raise ValueError(f"{value!r:.40} is no number")
        return float(bounded(float(value)))
    return float(number(value))


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in BOOLEANS:
        raise ValueError(f"{value!r:.40} is neither true nor false")
    return BOOLEANS[value.lower()]


def _string(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else text_of(value)


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, bytes):
        raise TypeError(f"{value!r:.40} is not text")
    return value


CASTS: dict[str, Callable[[Any], Any]] = {
    "int": _whole,
    "uint": _natural,
    "double": _double,
    "string": _string,
    "bool": _boolean,
    "bytes": _bytes,
    "timestamp": moment,
    "date": moment,
    "duration": duration,
}


def _part(of_moment: Callable[[datetime], int], of_length: Callable[[timedelta], int] | None = None) -> Any:
    """A method of a moment, which takes the name of a time zone, and with ``of_length`` of a duration too."""

    def run(value: Any, zone: Any = "UTC") -> int:
        if of_length is not None and isinstance(value, timedelta):
            return of_length(value)
        if not isinstance(value, datetime):
            raise TypeError(f"{value!r:.40} is no timestamp")
        return of_moment(value.astimezone(_zone(zone)))

    return run


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, TypeError, OSError, KeyError):
        raise ValueError(f"{name!r:.40} is no time zone") from None


def _in(unit: timedelta) -> Callable[[timedelta], int]:
    return lambda length: int(length / unit)  # towards zero


PARTS: dict[str, Callable[..., Any]] = {
    "getFullYear": _part(lambda at: at.year),
    "getMonth": _part(lambda at: at.month - 1),
    "getDate": _part(lambda at: at.day),
    "getDayOfMonth": _part(lambda at: at.day - 1),
    "getDayOfWeek": _part(lambda at: at.isoweekday() % 7),
    "getDayOfYear": _part(lambda at: at.timetuple().tm_yday - 1),
    "getHours": _part(lambda at: at.hour, _in(timedelta(hours=1))),
    "getMinutes": _part(lambda at: at.minute, _in(timedelta(minutes=1))),
    "getSeconds": _part(lambda at: at.second, _in(timedelta(seconds=1))),
    "getMilliseconds": _part(
        lambda at: at.microsecond // 1000, lambda length: int(length / timedelta(milliseconds=1)) % 1000
    ),
}
