"""A run stays owned for a moment after its children began or ended: a join is one claim, not many."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from orchestrator.engine.hosting import Host

LINGER = timedelta(seconds=1)


class Linger:
    """True while it lasts; then ``over`` is called, on the loop."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._until: datetime | None = None

    def __bool__(self) -> bool:
        return self._until is not None

    def begin(self, over: Callable[[], None]) -> None:
        """Begins, or begins again."""
        begins = self._until is None
        self._until = self._host.clock.now() + LINGER
        if begins:
            self._host.at(self._until, partial(self._look, over))

    def _look(self, over: Callable[[], None]) -> None:
        if self._until is None:
            return
        if self._host.clock.now() < self._until:
            self._host.at(self._until, partial(self._look, over))
            return
        self._until = None
        over()
