"""What should have completed by a time, and has not: the rule that schedules and functions share."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from orchestrator.core.durations import Duration, parse_duration
from orchestrator.core.errors import InvalidFunction

SHORTEST = timedelta(seconds=10)  # successes are noted to the second
KEY = "expected_within_seconds"  # in a function's stored configuration


def overdue_after(within: timedelta, since: datetime, now: datetime) -> datetime | None:
    """Since when a run should have completed that was expected ``within`` that time; None while there is time left."""
    return since + within if since + within <= now else None


def expected_json(within: Duration | None) -> dict[str, float]:
    """As a function's configuration stores it. Raises InvalidFunction, InvalidDuration."""
    if within is None:
        return {}
    length = parse_duration(within)
    if length < SHORTEST:
        raise InvalidFunction(f"expected_within is {within!r}: give at least {SHORTEST.total_seconds():g} s")
    return {KEY: length.total_seconds()}


def expected_of(config: Mapping[str, Any]) -> timedelta | None:
    """Within which time a function is expected to complete again and again; None when it may take any."""
    seconds = config.get(KEY)
    return None if seconds is None else timedelta(seconds=seconds)
