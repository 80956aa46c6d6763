"""How numbers, statuses and values read on screen."""

from datetime import datetime, timedelta
from typing import Any

import orjson

from orchestrator.core.ops import OpKind, Status

NBSP = "\u00a0"
MICROSECOND = timedelta(microseconds=1)
UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))

STATUS_WORDS = {status: status.value.replace("_", " ").capitalize() for status in Status}
OP_WORDS = {
    OpKind.FUNCTION: "Function",
    OpKind.RUN: "Step",
    OpKind.TRANSACTION: "Transaction",
    OpKind.SLEEP: "Sleep",
    OpKind.WAIT_FOR_EVENT: "Wait for event",
    OpKind.WAIT_FOR_SIGNAL: "Wait for signal",
    OpKind.INVOKE: "Invoke",
    OpKind.SEND_EVENT: "Send event",
}


def duration(us: int) -> str:
    """Three digits and a unit (``412 µs``, ``1.92 s``), from a minute on two units (``1 m 54 s``)."""
    if us < 1_000:
        return f"{max(us, 0)}{NBSP}µs"
    if us < 999_500:
        return f"{_three_digits(us / 1_000)}{NBSP}ms"
    if us < 59_950_000:
        return f"{_three_digits(us / 1_000_000)}{NBSP}s"
    rest, parts = round(us / 1_000_000), []
    for size, unit in UNITS:
        if rest >= size:
            parts.append(f"{rest // size}{NBSP}{unit}")
            rest %= size
        elif parts:
            break
        if len(parts) == 2:
            break
    return NBSP.join(parts)


def between(start: datetime | None, end: datetime | None) -> str:
    """The time from ``start`` to ``end``, a dash when one is missing."""
    return duration((end - start) // MICROSECOND) if start and end else "–"


def size(count: int) -> str:
    """Bytes as a person reads them."""
    if count < 1_024:
        return f"{count}{NBSP}B"
    if count < 1_048_576:
        return f"{_three_digits(count / 1_024)}{NBSP}KB"
    return f"{_three_digits(count / 1_048_576)}{NBSP}MB"


def count(number: int, noun: str) -> str:
    """``1 step``, ``2 steps``, thousands apart."""
    return f"{number:,}".replace(",", "\u202f") + NBSP + (noun if number == 1 else f"{noun}s")


def pretty(value: Any) -> str:
    """JSON text with two blanks of indent."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def in_short(text: str, most: int = 80) -> str:
    """The beginning of some JSON text for a row of a list: ``django``, ``page=3, size=20``."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None  # it was cut
    match value:
        case dict() if len(value) == 1:
            [told] = (_plain(item) for item in value.values())
        case dict() if value:
            told = ", ".join(f"{key}={_plain(item)}" for key, item in value.items())
        case None | {}:
            told = "" if text in ("null", "{}") else text
        case _:
            told = _plain(value)
    return told if len(told) <= most else f"{told[: most - 1]}…"


def first_line(text: str) -> str:
    """The first line that says something."""
    return next((line for line in text.splitlines() if line.strip()), "")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _three_digits(number: float) -> str:
    decimals = 0 if number >= 99.95 else 1 if number >= 9.995 else 2
    return f"{number:.{decimals}f}"
