"""The one place time and chance come from."""

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Protocol

from orchestrator.core import ids


class Clock(Protocol):
    def now(self) -> datetime: ...
    def entropy(self) -> float: ...
    def new_id(self) -> str: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def entropy(self) -> float:
        return random.random()

    def new_id(self) -> str:
        return ids.new_id(datetime.now(UTC), os.urandom(10))


class VirtualClock:
    """A clock that stands until it is moved: tests of days in milliseconds."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._random = random.Random(0)

    def now(self) -> datetime:
        return self._now

    def entropy(self) -> float:
        return self._random.random()

    def new_id(self) -> str:
        return ids.new_id(self._now, self._random.randbytes(10))

    def move_to(self, moment: datetime) -> None:
        """Never backwards."""
        self._now = max(self._now, moment)

    def advance(self, delta: timedelta) -> None:
        self.move_to(self._now + delta)


system_clock = SystemClock()
