"""How long what has happened is kept: runs since their end, events since they came, log lines since they were written.

A length of None keeps for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from orchestrator.core.durations import Duration, format_duration, parse_duration
from orchestrator.core.errors import InvalidDuration

FOREVER = "forever"
KINDS = ("runs", "events", "logs")


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long one environment keeps what; logs go with their runs at the latest."""

    runs: timedelta | None = None
    events: timedelta | None = None
    logs: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """``environments``, by name, keep as they say, all others as ``default`` does."""

    default: Kept = Kept()
    environments: Mapping[str, Kept] = field(default_factory=dict)

    def of(self, environment: str) -> Kept:
        return self.environments.get(environment, self.default)


KEEP_ALL = Retention()


def parse_length(value: Duration | None) -> timedelta | None:
    """A length of time, or None for "forever". Raises InvalidDuration, also for one of nothing."""
    if value is None or (isinstance(value, str) and value.strip().lower() in (FOREVER, "for ever")):
        return None
    length = parse_duration(value)
    if not length:
        raise InvalidDuration('a retention of nothing would delete what has just happened: write "forever" to keep it')
    return length


def parse_retention(value: Any) -> Retention:
    """From a length for everything, or ``{"runs": …, "events": …, "logs": …, "environments": {name: …}}``.

    As one text: "runs=90 days, logs=7 days, staging.runs=3 days". Events are kept as long as runs unless told
    otherwise. Raises InvalidDuration.
    """
    if isinstance(value, Retention):
        return value
    if isinstance(value, str) and "=" in value:
        value = _from_text(value)
    if not isinstance(value, Mapping):
        return Retention(_kept({"runs": value}, Kept()))
    lengths = {key: length for key, length in value.items() if key != "environments"}
    default = _kept(lengths, Kept())
    environments = value.get("environments") or {}
    if not isinstance(environments, Mapping):
        raise InvalidDuration("environments must be a dict of names")
    return Retention(default, {name: _named(given, default) for name, given in environments.items()})


def as_json(value: Duration | None) -> dict[str, float | None]:
    """A function's own length in its configuration, in seconds; nothing when it has none. Raises InvalidDuration."""
    if value is None:
        return {}
    length = parse_length(value)
    return {"retention": None if length is None else length.total_seconds()}


def of_function(config: Mapping[str, Any], kept: timedelta | None) -> timedelta | None:
    """For how long runs of a function are kept in an environment that keeps them for ``kept``."""
    if "retention" not in config:
        return kept
    seconds = config["retention"]
    return None if seconds is None else timedelta(seconds=seconds)


def describe_length(length: timedelta | None) -> str:
    return "for ever" if length is None else format_duration(length)


def _from_text(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, length = part.partition("=")
        environment, _, kind = name.strip().rpartition(".")
        place = found.setdefault("environments", {}).setdefault(environment, {}) if environment else found
        place[kind] = length.strip()
    return found


def _named(given: Any, default: Kept) -> Kept:
    return _kept(given if isinstance(given, Mapping) else {"runs": given}, default)


def _kept(given: Mapping[str, Any], default: Kept) -> Kept:
    if unknown := sorted(set(given) - set(KINDS)):
        raise InvalidDuration(f"unknown keys {unknown}; known: {[*KINDS, 'environments']}")
    lengths = {kind: parse_length(value) for kind, value in given.items()}
    runs = lengths.get("runs", default.runs)
    events = lengths.get("events", runs if "runs" in lengths else default.events)
    return Kept(runs, events, lengths.get("logs", default.logs))
