"""The process's own clock for deadlines: those that come before the next sweep are met when they pass."""

from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from typing import Any

from orchestrator.engine.clock import Clock
from orchestrator.engine.deadlines import SOON, meet_deadlines
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.port import Journal


class DeadlineWatch:
    """Lives on the engine's loop. ``at`` sets a timer, ``background`` begins work."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        at: Callable[[datetime, Callable[[], None]], None],
        background: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._at = at
        self._background = background
        self._looks = False

    def expect(self, moments: Iterable[datetime]) -> None:
        """Those further away are found by a sweep in time."""
        horizon = self._clock.now() + SOON
        for moment in moments:
            if moment <= horizon:
                self._at(moment, self._passed)

    def _passed(self) -> None:
        """Many pass at the same moment: one look is enough for them."""
        if not self._looks:
            self._looks = True
            self._background(self._look())

    async def _look(self) -> None:
        self._looks = False
        while await self._journal.append(Call(meet_deadlines)):
            pass
