"""Lengths of time: read as people write them, shown as people read them."""

import math
import re
from datetime import timedelta

from orchestrator.core.errors import InvalidDuration

Duration = str | timedelta | int | float  # what an author may write for one

LONGEST = timedelta(days=100 * 366)
ACCEPTED = 'write "3 days", "1h30m", "1.5h", "90s", "500ms", "PT5M", a number of seconds or a timedelta'

SECONDS = {
    **dict.fromkeys(("us", "µs", "microsecond", "microseconds"), 0.000_001),
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), 7 * 86_400),
}
NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,15})?"
BARE = re.compile(NUMBER)
PART = re.compile(rf"({NUMBER})\s*([a-zµ]+)(?:$|(?:\s*,\s*|\s+and\s+|\s*)(?=[0-9]))")
# ISO 8601 without years and months, which have no fixed length.
ISO = re.compile(
    rf"P(?=[0-9T])(?:({NUMBER})W)?(?:({NUMBER})D)?(?:T(?=[0-9])(?:({NUMBER})H)?(?:({NUMBER})M)?(?:({NUMBER})S)?)?",
    re.IGNORECASE,
)
ISO_UNITS = ("w", "d", "h", "m", "s")


def parse_duration(value: Duration) -> timedelta:
    """The length of time that ``value`` says; bare numbers are seconds.

    Raises InvalidDuration for anything else, negative ones and those over a hundred years.
    """
    if isinstance(value, timedelta):
        duration = value
    elif isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InvalidDuration(f"{value!r} is a {type(value).__name__}, not a duration: {ACCEPTED}")
    else:
        seconds = _seconds(value.strip()) if isinstance(value, str) else value
        if seconds is None or seconds != seconds:
            raise InvalidDuration(f"{value!r:.80} is not a duration: {ACCEPTED}")
        if abs(seconds) > LONGEST.total_seconds():
            raise InvalidDuration(f"{value!r:.80} is too long: a duration is at most 100 years")
        duration = timedelta(seconds=seconds)
    if duration < timedelta():
        raise InvalidDuration(f"{value!r:.80} is negative: a duration is zero or more")
    if duration > LONGEST:
        raise InvalidDuration(f"{value!r:.80} is too long: a duration is at most 100 years")
    return duration


def format_duration(duration: timedelta) -> str:
    """A duration as the console shows it: "843 ms", "1.92 s", "1 m 54 s", "3 h 2 m", "2 d 4 h"."""
    if duration < timedelta():
        return f"-{format_duration(-duration)}"
    seconds = duration.total_seconds()
    if seconds < 0.9995:
        return f"{_short(seconds * 1000, 1 if seconds < 0.01 else 0)} ms"
    if seconds < 9.995:
        return f"{_short(seconds, 2)} s"
    if seconds < 59.95:
        return f"{_short(seconds, 1)} s"
    whole = round(seconds)
    if whole < 3600:
        return _pair(whole, 60, "m", 1, "s")
    if whole < 86_400:
        return _pair(whole, 3600, "h", 60, "m")
    return _pair(whole, 86_400, "d", 3600, "h")


def _seconds(text: str) -> float | None:
    negative = text.startswith("-")
    text = text.removeprefix("-")
    seconds = _iso(text) if text[:1] in ("P", "p") else float(text) if BARE.fullmatch(text) else _parts(text.lower())
    return -seconds if negative and seconds is not None else seconds


def _iso(text: str) -> float | None:
    match = ISO.fullmatch(text)
    if match is None:
        return None
    return math.fsum(float(number) * SECONDS[unit] for number, unit in zip(match.groups("0"), ISO_UNITS, strict=True))


def _parts(text: str) -> float | None:
    position, parts = 0, []
    while position < len(text):
        match = PART.match(text, position)
        if match is None or match[2] not in SECONDS:
            return None
        parts.append(float(match[1]) * SECONDS[match[2]])
        position = match.end()
    return math.fsum(parts) if parts else None


def _short(number: float, digits: int) -> str:
    text = f"{number:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _pair(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    count, rest = divmod(seconds, large)
    rest //= small
    return f"{count} {large_name} {rest} {small_name}" if rest else f"{count} {large_name}"
