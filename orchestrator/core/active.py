"""How long a run has been executing, waits and sleeps left out: from its history."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

BEGINNINGS = frozenset({"run.started", "run.resumed"})
STAMP = "active_seconds"  # in the data of the fact that ends an execution: the sum until then


class Fact(NamedTuple):
    """A fact about the run itself. ``before`` is when the one before it happened."""

    kind: str
    at: datetime
    before: datetime
    stamp: float | None = None


def active_time(facts: Iterable[Fact]) -> timedelta:
    """The sum of all executions that have ended; ``facts`` in their order.

    One whose worker died without a word lasted until its last fact.
    """
    total, since = timedelta(), None
    for fact in facts:
        if fact.kind in BEGINNINGS:
            since = fact.at
        elif fact.stamp is not None:
            total, since = timedelta(seconds=fact.stamp), None
        elif since is not None and fact.kind == "run.recovered":
            total, since = total + (fact.before - since), None
    return total


class Budget:
    """What is left of a run's ``max_duration``. Runs down while the run does; the moment is always given."""

    def __init__(self, limit: timedelta, now: datetime) -> None:
        self.limit = limit
        self._used = timedelta()
        self._since: datetime | None = now

    def add(self, used: timedelta) -> None:
        """What former executions have used."""
        self._used += used

    def used(self, now: datetime) -> timedelta:
        return self._used + (now - self._since if self._since is not None else timedelta())

    def ends_at(self, now: datetime) -> datetime | None:
        """When it will be used up; None while the run rests."""
        return None if self._since is None else now + (self.limit - self.used(now))

    def pause(self, now: datetime) -> None:
        self._used, self._since = self.used(now), None

    def resume(self, now: datetime) -> None:
        if self._since is None:
            self._since = now
