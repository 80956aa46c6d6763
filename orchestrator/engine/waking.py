"""Runs whose coroutine rests in memory until a sleep is over: claimed a little ahead, they go on at their moment.

What a claim costs is paid while they still sleep: of 200 that wake at once none waits for the claims of the others.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from orchestrator.engine.clock import Clock
from orchestrator.engine.facts import Claimed
from orchestrator.engine.live import LiveRun

NEAR = timedelta(seconds=10)  # timers further away are found by the sweep in time
LEAD = timedelta(milliseconds=50)  # a claim of some hundred runs takes less
WINDOW = 2 * LEAD  # what is taken at once: claims are fewer then
STALE = 100  # entries of runs that woke otherwise, beside twice as many as may rest here


class Waking:
    """``parked``: the runs that rest here. ``at`` calls at a moment; ``claim`` looks for runs to take."""

    def __init__(
        self,
        clock: Clock,
        parked: Mapping[str, LiveRun],
        at: Callable[[datetime, Callable[[], None]], None],
        claim: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._parked = parked
        self._at = at
        self._claim = claim
        self._heap: list[tuple[datetime, str]] = []
        self._armed: datetime | None = None

    def expect(self, due: Sequence[datetime], asleep: Mapping[str, datetime]) -> None:
        """A batch was committed: something is due at these moments, and these runs went to sleep until then."""
        horizon = self._clock.now() + NEAR
        others = [moment for run, moment in asleep.items() if not self._rests(run, moment)]
        for moment in [*due, *others]:
            if moment <= horizon:
                self._at(moment, self._claim)

    def _rests(self, run: str, due: datetime) -> bool:
        """Whether it is claimed ahead."""
        live = self._parked.get(run)
        if live is None or live.recorder.sleeps_until() != due:
            return False
        if len(self._heap) > 2 * len(self._parked) + STALE:
            self._heap = [entry for entry in self._heap if entry[1] in self._parked]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (due, run))
        self._arm()
        return True

    def take(self) -> dict[str, datetime]:
        """Those to claim ahead, with their moments. What was not claimed is to be said to ``missed``."""
        now = self._clock.now()
        taken: dict[str, datetime] = {}
        while self._heap and self._heap[0][0] <= now + WINDOW:
            due, run = heapq.heappop(self._heap)
            live = self._parked.get(run)
            if due > now and live is not None and live.recorder.sleeps_until() == due:
                taken[run] = due
        self._arm()
        return taken

    def missed(self, taken: Mapping[str, datetime], claimed: Iterable[Claimed]) -> None:
        """There was no room for the others, or they wait for a place besides: they are claimed when they are due."""
        for run in taken.keys() - {one.facts.id for one in claimed}:
            self._at(taken[run], self._claim)

    def _arm(self) -> None:
        first = self._heap[0][0] if self._heap else None
        if first is not None and (self._armed is None or first < self._armed):
            self._armed = first
            self._at(first - LEAD, self._ring)

    def _ring(self) -> None:
        self._armed = None
        self._claim()
