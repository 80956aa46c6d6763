"""Cursors: where a page ended, opaque to clients. A cursor of one list is refused by every other."""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar

from orchestrator.core.errors import InvalidCursor, InvalidId
from orchestrator.core.ids import parse_id

T = TypeVar("T", str, int)
MAX_POSITION = 2**63 - 1


def write_cursor(listing: str, position: str | int) -> str:
    """The cursor after ``position``, the sort key of the last item given."""
    return base64.urlsafe_b64encode(f"{listing}:{position}".encode()).decode().rstrip("=")


def read_cursor(listing: str, cursor: str | None, parse: Callable[[str], T]) -> T | None:
    """The position a cursor of ``listing`` stands for, None without one. Raises InvalidCursor."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        origin, _, position = raw.decode().partition(":")
        if origin != listing:
            raise ValueError
        return parse(position)
    except (ValueError, binascii.Error, InvalidId):
        raise InvalidCursor(
            f"{cursor[:60]!r} is not a cursor of {listing}: use a next_cursor as it was given"
        ) from None


def id_position(text: str) -> str:
    return parse_id(text)


def number_position(text: str) -> int:
    number = int(text)
    if not (text.isascii() and text.isdigit() and number <= MAX_POSITION):
        raise ValueError
    return number


def slug_position(text: str) -> str:
    if not 0 < len(text) <= 200 or "\0" in text:
        raise ValueError
    return text
