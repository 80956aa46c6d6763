"""The generic cell rate algorithm: so many starts in a period, evenly spaced after a burst. Moments in microseconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """One start every ``interval`` microseconds, ``burst`` at once after a rest."""

    interval: int
    burst: int

    @classmethod
    def of(cls, limit: int, period_seconds: float, burst: int) -> "Rate":
        return cls(max(1, round(period_seconds * 1_000_000 / limit)), burst)


def under(rate: Rate, tat: int | None, now: int) -> int | None:
    """The ``tat`` to go on with after a change to this rate: that of a slower one may lie further ahead than it can."""
    return None if tat is None else min(tat, now + rate.burst * rate.interval)


def next_start(rate: Rate, tat: int | None) -> int:
    """The earliest moment of the next start. ``tat``: when the one after it would be due at an even pace."""
    return 0 if tat is None else tat - (rate.burst - 1) * rate.interval


def start(rate: Rate, tat: int | None, now: int) -> int:
    """The new ``tat`` after a start at ``now``, which ``next_start`` allows."""
    return max(tat or 0, now) + rate.interval


def starts_allowed(rate: Rate, tat: int | None, now: int) -> int:
    """How many may start at once now."""
    if next_start(rate, tat) > now:
        return 0
    spent = 0 if tat is None else max(0, tat - now)
    return (rate.burst * rate.interval - spent) // rate.interval
