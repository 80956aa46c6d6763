"""How many runs execute here, room for one more, and how many to take at once. Asked from any thread.

Who found no room waits in the queue: until a claim has looked at all of those, no new run may overtake them.
"""

import threading

FIRST_BITE, LARGEST_BITE = 25, 200  # runs taken at once: what one worker takes the others cannot begin


class Load:
    """``reserve`` holds room for a run that is being inserted; ``take`` fills it, ``cancel`` gives it back."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._runs: set[str] = set()
        self._reserved = 0
        self._refused = self._looked_at = 0
        self._lock = threading.Lock()
        self.bite = FIRST_BITE

    def bitten(self, *, more: bool) -> bool:
        """Whether there are more, as the claim says: while there are, each bite is larger than the last."""
        self.bite = min(2 * self.bite, LARGEST_BITE) if more else FIRST_BITE
        return more

    @property
    def reserved(self) -> int:
        with self._lock:
            return self._reserved

    def free(self) -> int:
        with self._lock:
            return self._limit - len(self._runs) - self._reserved

    @property
    def refused(self) -> int:
        """How often there was no room so far."""
        with self._lock:
            return self._refused

    def looked_at(self, refused: int) -> None:
        """All were looked at that had found no room by then."""
        with self._lock:
            self._looked_at = max(self._looked_at, refused)

    def reserve(self) -> bool:
        with self._lock:
            if len(self._runs) + self._reserved >= self._limit:
                self._refused += 1
                return False
            if self._refused > self._looked_at:
                return False
            self._reserved += 1
            return True

    def cancel(self, count: int = 1) -> None:
        with self._lock:
            self._reserved = max(0, self._reserved - count)

    def take(self, run: str) -> None:
        with self._lock:
            self._runs.add(run)

    def drop(self, run: str) -> None:
        with self._lock:
            self._runs.discard(run)
