"""Moments as text: one form everywhere we answer or write a sentence; several where somebody tells us one."""

import re
from datetime import UTC, datetime

from orchestrator.core.durations import parse_duration
from orchestrator.core.errors import InvalidDuration, InvalidMoment

BARE_NUMBER = re.compile(r"-?[0-9.]+")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ACCEPTED = 'write "2026-01-31", "2026-01-31T09:00", "2026-01-31T09:00:00Z", or a time ago such as "15m", "24h" or "7d"'


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds and Z, such as ``2026-01-31T09:00:00.000000Z``."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_moment(text: str, now: datetime) -> datetime:
    """The moment that ISO 8601 text names (in UTC unless it says otherwise), or a length of time before ``now``.

    Nothing is earlier than 1970. Raises InvalidMoment, also for a bare number: it may be seconds, or a year.
    """
    text = text.strip()
    try:
        if BARE_NUMBER.fullmatch(text):
            raise ValueError
        if re.match(r"[0-9]{4}-", text):
            named = datetime.fromisoformat(text)
            moment = named.astimezone(UTC) if named.tzinfo else named.replace(tzinfo=UTC)
        else:
            moment = now - parse_duration(text)
    except (ValueError, OverflowError, InvalidDuration):
        raise InvalidMoment(f"{text[:40]!r} is no moment: {ACCEPTED}") from None
    return max(moment, EPOCH)
