"""When a failed attempt is tried again, and when it is given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.core.durations import Duration, parse_duration
from orchestrator.core.errors import InvalidInput
from orchestrator.core.ops import ErrorInfo

MAX_ATTEMPTS = 1000
LONGEST_RETRY_AFTER = timedelta(days=366)


@dataclass(frozen=True, slots=True, init=False)
class Retries:
    """A retry policy: 10 s, 20 s, 40 s, ... up to an hour between attempts, each varied by up to 20 % either way.

    ``max_attempts`` counts the first one. ``jitter`` is a fraction of the delay. Durations may be written as text.
    """

    max_attempts: int
    initial: timedelta
    factor: float
    max_interval: timedelta
    jitter: float

    def __init__(
        self,
        max_attempts: int = 4,
        *,
        initial: Duration = timedelta(seconds=10),
        factor: float = 2.0,
        max_interval: Duration = timedelta(hours=1),
        jitter: float = 0.2,
    ) -> None:
        if not 1 <= max_attempts <= MAX_ATTEMPTS:
            raise InvalidInput(f"max_attempts is {max_attempts}: give 1 (never retry) to {MAX_ATTEMPTS}")
        if not 1 <= factor <= 100:
            raise InvalidInput(f"factor is {factor}: give 1 (always the same delay) to 100")
        if not 0 <= jitter <= 1:
            raise InvalidInput(f"jitter is {jitter}: give a fraction of the delay, 0 to 1")
        give = object.__setattr__  # frozen
        give(self, "max_attempts", max_attempts)
        give(self, "initial", parse_duration(initial))
        give(self, "factor", factor)
        give(self, "max_interval", parse_duration(max_interval))
        give(self, "jitter", jitter)

    @classmethod
    def of(cls, value: "Retries | int | None") -> "Retries":
        """The policy itself, the usual one with so many retries after the first attempt, or the usual one."""
        if value is None:
            return cls()
        return value if isinstance(value, Retries) else cls(max_attempts=value + 1)


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again at ``at``, which is ``delay`` from now."""

    at: datetime
    delay: timedelta


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again; ``reason`` is for people."""

    reason: str


Verdict = Retry | GiveUp


def delay_after(policy: Retries, attempt: int, entropy: float) -> timedelta | None:
    """The delay before the attempt that follows 1-based ``attempt``; None when it was the last.

    ``entropy`` is in [0, 1): 0 gives the shortest delay the jitter allows, 0.5 the plain one.
    """
    if attempt >= policy.max_attempts:
        return None
    longest, initial = policy.max_interval.total_seconds(), policy.initial.total_seconds()
    try:
        seconds = min(initial * policy.factor ** (attempt - 1), longest)
    except OverflowError:
        seconds = longest if initial else 0.0
    return timedelta(seconds=seconds * (1 + policy.jitter * (2 * entropy - 1)))


def decide(policy: Retries, attempt: int, error: ErrorInfo, now: datetime, entropy: float) -> Verdict:
    """What follows a failed 1-based ``attempt``, lost ones not counted. RetryAfter replaces the policy's delay."""
    if not error.retriable:
        return GiveUp(f"{error.type} is not retriable")
    delay = delay_after(policy, attempt, entropy)
    if delay is None:
        return GiveUp(f"attempt {attempt} of {policy.max_attempts} was the last")
    if error.retry_after_seconds is not None:
        delay = _asked_for(error.retry_after_seconds)
    return Retry(now + delay, delay)


def _asked_for(seconds: float) -> timedelta:
    if not seconds > 0:  # NaN too
        return timedelta()
    return timedelta(seconds=min(seconds, LONGEST_RETRY_AFTER.total_seconds()))
