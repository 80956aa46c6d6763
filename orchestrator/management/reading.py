"""Arguments as people write them: JSON, moments, numbers."""

import sys
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import CommandError

from orchestrator.conf import settings
from orchestrator.core.durations import parse_duration
from orchestrator.core.errors import InvalidDuration

DATA_HELP = "JSON; @FILE reads it from a file, - from standard input"
SINCE_HELP = 'a moment ("2026-01-31", "2026-01-31T09:00:00Z") or how long ago ("2h", "3 days")'


def read_json(option: str, text: str | None) -> Any:
    """The value that an option gives as JSON, as @file or as - for standard input; None without one.

    Raises CommandError.
    """
    if text is None:
        return None
    body = _body(option, text)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"in {text[1:]} " if text[:1] == "@" else "on standard input " if text == "-" else ""
        raise CommandError(f"""{option} {where}is not JSON ({error}); such as {option} '{{"order": 1}}'""") from None


def read_object(option: str, text: str | None) -> dict[str, Any] | None:
    """As ``read_json``, for what must be a JSON object. Raises CommandError."""
    value = read_json(option, text)
    if value is not None and not isinstance(value, dict):
        raise CommandError(f"""{option} must be a JSON object, such as '{{"order": 1}}'""")
    return value


def read_since(text: str | None, now: datetime) -> datetime | None:
    """A moment, or how long before ``now``; aware UTC. Raises CommandError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return now - parse_duration(text)
    except (InvalidDuration, OverflowError):
        raise CommandError(f"--since {text!r:.60} is neither a moment nor a duration: {SINCE_HELP}") from None


def positive(text: str) -> int:
    """A whole number from 1 to 10,000: the type of an argument."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:6]) <= 10_000):
        raise ArgumentTypeError(f"{text[:40]!r} is not a whole number from 1 to 10000")
    return int(text)


def _body(option: str, text: str) -> bytes:
    limit = settings().max_body_bytes
    if text == "-":
        body = sys.stdin.buffer.read(limit + 1) if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    elif text.startswith("@"):
        try:
            with Path(text[1:]).open("rb") as file:
                body = file.read(limit + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CommandError(f"{option}: {text[1:]!r} cannot be read: {reason}") from None
    else:
        body = text.encode("utf-8", "surrogateescape")
    if len(body) > limit:
        raise CommandError(f"{option} has more than {limit} bytes: pass a reference instead of the thing itself")
    return body
