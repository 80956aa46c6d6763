"""The next of a live run's own timers: one call on the heap, however many commits ask for it."""

from collections.abc import Callable, Iterable
from datetime import datetime

from orchestrator.engine.hosting import Host


class Alarm:
    """``fire`` is called on the loop when the earliest moment has come."""

    def __init__(self, host: Host, fire: Callable[[], None]) -> None:
        self._host = host
        self._fire = fire
        self._at: datetime | None = None

    def set(self, moments: Iterable[datetime | None]) -> None:
        due = min((moment for moment in moments if moment is not None), default=None)
        if due is not None and (self._at is None or due < self._at):
            self._at = due
            self._host.at(due, self._ring)

    def _ring(self) -> None:
        self._at = None
        self._fire()
