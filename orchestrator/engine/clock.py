"""The one place time and chance come from."""

import os
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from orchestrator.core import ids

ENTROPY_BYTES = 10
MILLISECOND = timedelta(milliseconds=1)
CLOCK_SLACK = timedelta(seconds=1)  # a clock set back by less does not turn the order of ids round


class Clock(Protocol):
    def now(self) -> datetime: ...
    def entropy(self) -> float: ...
    def new_id(self) -> str: ...


class IdSource:
    """ULIDs that grow: those of one millisecond count up, so that lists keep the order in which things were made."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._at = datetime.min.replace(tzinfo=UTC)
        self._entropy = 0
        self._lock = threading.Lock()

    def next(self, now: datetime) -> str:
        with self._lock:
            if MILLISECOND > now - self._at > -CLOCK_SLACK:
                self._entropy += 1
            else:
                # Half the room is left to count up in.
                self._at, self._entropy = now, int.from_bytes(self._random_bytes(ENTROPY_BYTES), "big") >> 1
            return ids.new_id(self._at, self._entropy.to_bytes(ENTROPY_BYTES, "big"))


class SystemClock:
    """The machine's clock."""

    def __init__(self) -> None:
        self._ids = IdSource(os.urandom)

    now = staticmethod(partial(datetime.now, UTC))  # asked for five times a step

    def entropy(self) -> float:
        return random.random()

    def new_id(self) -> str:
        return self._ids.next(datetime.now(UTC))


class VirtualClock:
    """A clock that stands until it is moved: tests of days in milliseconds."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._random = random.Random(0)
        self._ids = IdSource(self._random.randbytes)

    def now(self) -> datetime:
        return self._now

    def entropy(self) -> float:
        return self._random.random()

    def new_id(self) -> str:
        return self._ids.next(self._now)

    def move_to(self, moment: datetime) -> None:
        """Never backwards."""
        self._now = max(self._now, moment)

    def advance(self, delta: timedelta) -> None:
        self.move_to(self._now + delta)


system_clock = SystemClock()
