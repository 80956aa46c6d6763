"""Calls at a moment, on the engine's clock: a heap over the loop's one timer, so that the Harness can move time."""

import asyncio
import heapq
from collections.abc import Callable
from contextvars import Context
from datetime import datetime
from itertools import count

from orchestrator.engine.clock import Clock

# The loop's clock stands while a laptop sleeps, and knows nothing of a wall clock that is set: look again by then.
LOOK_SECONDS = 10.0


class Timers:
    """With ``by_hand`` nothing fires by itself: ``fire`` is called when the clock was moved."""

    def __init__(self, clock: Clock, loop: asyncio.AbstractEventLoop, *, by_hand: bool = False) -> None:
        self._clock = clock
        self._loop = loop
        self._by_hand = by_hand
        self._heap: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for: datetime | None = None

    def at(self, moment: datetime, call: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (moment, next(self._order), call))
        self._arm()

    def next_due(self) -> datetime | None:
        return self._heap[0][0] if self._heap else None

    def fire(self) -> bool:
        """Calls what is due; whether anything was."""
        now = self._clock.now()
        fired = False
        while self._heap and self._heap[0][0] <= now:
            _, _, call = heapq.heappop(self._heap)
            call()
            fired = True
        self._armed_for = None
        self._arm()
        return fired

    def _arm(self) -> None:
        due = self.next_due()
        if self._by_hand or due is None or (self._armed_for is not None and self._armed_for <= due):
            return
        if self._handle is not None:
            self._handle.cancel()
        delay = max(0.0, (due - self._clock.now()).total_seconds())
        self._armed_for = due
        # In a context of its own: that of the run which happens to ask for it would stay in memory until then.
        self._handle = self._loop.call_later(min(delay, LOOK_SECONDS), self.fire, context=Context())
