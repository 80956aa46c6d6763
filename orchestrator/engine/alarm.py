"""The next of a live run's own timers: one call on the heap, however many commits ask for it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from orchestrator.engine.hosting import Host


class Alarm:
    """``fire`` is called on the loop when the earliest moment has come."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._at: datetime | None = None

    def set(self, moments: Iterable[datetime | None], fire: Callable[[], None]) -> None:
        due = min((moment for moment in moments if moment is not None), default=None)
        if due is not None and (self._at is None or due < self._at):
            self._at = due
            self._host.at(due, partial(self._ring, fire))

    def _ring(self, fire: Callable[[], None]) -> None:
        self._at = None
        fire()
