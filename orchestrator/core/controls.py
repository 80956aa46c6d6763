"""Flow control as authors declare it: how much of a function runs at once, how often, in which order, for how long."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from orchestrator.core.durations import Duration, parse_duration
from orchestrator.core.errors import InvalidFunction
from orchestrator.core.events import NAME_ATTRIBUTE
from orchestrator.core.keys import Key, OfEvent, checked_key
from orchestrator.core.matching import plan_match

LONGEST_HEAD_START = timedelta(hours=12)
SHORTEST = timedelta(milliseconds=100)
LEAST_WEIGHT, MOST_WEIGHT = 0.001, 1000.0
HOUR = 3600
CLASSES = {"urgent": 12 * HOUR, "high": HOUR, "normal": 0, "low": -HOUR}  # of priority: seconds of head start


def _optional_key(key: str | OfEvent | None) -> Key | None:
    return None if key is None else checked_key(key)


def _at_least(what: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidFunction(f"{what} is {value!r}: give a whole number of at least {least}")
    return value


def _period(what: str, value: Duration) -> float:
    seconds = parse_duration(value).total_seconds()
    if seconds < SHORTEST.total_seconds():
        raise InvalidFunction(f"{what} is {value!r}: give at least {SHORTEST.total_seconds()} s")
    return seconds


@dataclass(frozen=True, slots=True, init=False)
class Concurrency:
    """At most ``limit`` runs execute at once; sleeping and waiting ones do not count.

    ``key``: an expression over ``event``; each of its values has a limit of its own. ``scope``: "function", or
    "environment" for all functions that declare it so. ``name``: a limit shared by all functions that name it.
    """

    limit: int
    key: Key | None
    scope: Literal["function", "environment"]
    name: str | None

    def __init__(
        self,
        limit: int,
        *,
        key: str | OfEvent | None = None,
        scope: Literal["function", "environment"] = "function",
        name: str | None = None,
    ) -> None:
        if scope not in ("function", "environment"):
            raise InvalidFunction(f"a concurrency's scope is 'function' or 'environment', not {scope!r}")
        give = object.__setattr__  # frozen
        give(self, "limit", _at_least("a concurrency's limit", limit, 1))
        give(self, "key", _optional_key(key))
        give(self, "scope", scope)
        give(self, "name", name)


@dataclass(frozen=True, slots=True, init=False)
class Throttle:
    """At most ``limit`` runs start in a ``period``, evenly spaced after a ``burst``; further ones wait."""

    limit: int
    period: float  # seconds
    burst: int
    key: Key | None

    def __init__(self, limit: int, period: Duration, *, burst: int = 1, key: str | OfEvent | None = None) -> None:
        give = object.__setattr__  # frozen
        give(self, "limit", _at_least("a throttle's limit", limit, 1))
        give(self, "period", _period("a throttle's period", period))
        give(self, "burst", _at_least("a throttle's burst", burst, 1))
        give(self, "key", _optional_key(key))


@dataclass(frozen=True, slots=True, init=False)
class RateLimit:
    """At most ``limit`` runs are started in any ``period``; what comes beyond is skipped, and recorded as that."""

    limit: int
    period: float  # seconds
    key: Key | None

    def __init__(self, limit: int, period: Duration, *, key: str | OfEvent | None = None) -> None:
        give = object.__setattr__  # frozen
        give(self, "limit", _at_least("a rate limit's limit", limit, 1))
        give(self, "period", _period("a rate limit's period", period))
        give(self, "key", _optional_key(key))


@dataclass(frozen=True, slots=True, init=False)
class Debounce:
    """A run starts ``period`` after the last of its events, with that one; at most ``max_wait`` after the first."""

    period: float  # seconds
    key: Key | None
    max_wait: float | None  # seconds

    def __init__(self, period: Duration, *, key: str | OfEvent | None = None, max_wait: Duration | None = None) -> None:
        give = object.__setattr__  # frozen
        give(self, "period", _period("a debounce's period", period))
        give(self, "key", _optional_key(key))
        give(self, "max_wait", None if max_wait is None else _period("a debounce's max_wait", max_wait))


@dataclass(frozen=True, slots=True, init=False)
class Batch:
    """One run for up to ``max_size`` events, started when they are there or ``timeout`` after the first.

    ``if_``: an event for which it is not true starts a run of its own, at once.
    """

    max_size: int
    timeout: float  # seconds
    key: Key | None
    if_: str | None

    def __init__(
        self,
        max_size: int = 100,
        timeout: Duration = "60s",
        *,
        key: str | OfEvent | None = None,
        if_: str | None = None,
    ) -> None:
        give = object.__setattr__  # frozen
        give(self, "max_size", _at_least("a batch's max_size", max_size, 2))
        give(self, "timeout", _period("a batch's timeout", timeout))
        give(self, "key", _optional_key(key))
        give(self, "if_", if_ and checked_key(if_))


@dataclass(frozen=True, slots=True, init=False)
class Priority:
    """Seconds of head start over runs of the same queue: a number, a class, or what gives one of these for the event.

    A class is "urgent", "high", "normal" or "low". It may be given by an expression or by a function, as a key is.
    """

    run: Key | int

    def __init__(self, run: str | int | OfEvent) -> None:
        named = isinstance(run, str) and run in CLASSES
        object.__setattr__(self, "run", run if isinstance(run, int) or named else checked_key(run))


@dataclass(frozen=True, slots=True, init=False)
class Fairness:
    """Runs that wait go in turns, one of each value of ``key``, an expression over ``event``.

    ``weight``: how many turns a value has where another has one; a number, or an expression over ``event``.
    """

    key: Key
    weight: Key | float

    def __init__(self, key: str | OfEvent, *, weight: str | float | OfEvent = 1) -> None:
        if isinstance(weight, int | float) and (isinstance(weight, bool) or not LEAST_WEIGHT <= weight <= MOST_WEIGHT):
            raise InvalidFunction(f"a fairness's weight is {weight!r}: give {LEAST_WEIGHT} to {MOST_WEIGHT:.0f}")
        object.__setattr__(self, "key", checked_key(key))
        object.__setattr__(self, "weight", weight if isinstance(weight, int | float) else checked_key(weight))


@dataclass(frozen=True, slots=True, init=False)
class Delay:
    """A run starts ``by`` after the event, or the call, that it is for."""

    by: float  # seconds

    def __init__(self, by: Duration) -> None:
        object.__setattr__(self, "by", _period("a delay", by))


@dataclass(frozen=True, slots=True, init=False)
class Singleton:
    """One run at a time. ``mode`` says what becomes of a further one: "skip" it, "cancel" the one that runs for it,
    or let one "queue" and skip what comes beyond."""

    mode: Literal["skip", "cancel", "queue"]
    key: Key | None

    def __init__(self, mode: Literal["skip", "cancel", "queue"] = "skip", *, key: str | OfEvent | None = None) -> None:
        if mode not in ("skip", "cancel", "queue"):
            raise InvalidFunction(f"a singleton's mode is 'skip', 'cancel' or 'queue', not {mode!r}")
        object.__setattr__(self, "mode", mode)
        object.__setattr__(self, "key", _optional_key(key))


@dataclass(frozen=True, slots=True, init=False)
class Idempotency:
    """One run for each value of ``key``, an expression over ``event``, within ``ttl``; further events are skipped."""

    key: Key
    ttl: float  # seconds

    def __init__(self, key: str | OfEvent, *, ttl: Duration = "24h") -> None:
        object.__setattr__(self, "key", checked_key(key))
        object.__setattr__(self, "ttl", _period("an idempotency's ttl", ttl))


@dataclass(frozen=True, slots=True, init=False)
class CancelOn:
    """A run is cancelled by that event, when ``match`` or ``if_`` holds, within ``timeout`` of its start.

    ``match``: a path that must be the same in both events. ``if_``: an expression over ``event``, with which the run
    began, and ``async``, the later one.
    """

    event: str
    match: str | None
    if_: str | None
    timeout: float | None  # seconds

    def __init__(
        self, event: Any, *, match: str | None = None, if_: str | None = None, timeout: Duration | None = None
    ) -> None:
        name = event if isinstance(event, str) else getattr(event, NAME_ATTRIBUTE, None)
        if not isinstance(name, str) or not name:
            raise InvalidFunction(f"{event!r} names no event that could cancel: give its name or its @event class")
        plan_match(match or if_, {})
        give = object.__setattr__  # frozen
        give(self, "event", name)
        give(self, "match", match)
        give(self, "if_", if_)
        give(self, "timeout", None if timeout is None else _period("a cancel_on's timeout", timeout))


@dataclass(frozen=True, slots=True, init=False)
class Timeouts:
    """``start``: a run that has not started by then expires. ``finish``: one that still goes on then times out."""

    start: float | None  # seconds from its queueing
    finish: float | None  # seconds from its start

    def __init__(self, *, start: Duration | None = None, finish: Duration | None = None) -> None:
        object.__setattr__(self, "start", None if start is None else _period("a start timeout", start))
        object.__setattr__(self, "finish", None if finish is None else _period("a finish timeout", finish))
