"""How many runs execute here, and room for one more. Asked from any thread."""

import threading


class Load:
    """``reserve`` holds room for a run that is being inserted; ``take`` fills it, ``cancel`` gives it back."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._runs: set[str] = set()
        self._reserved = 0
        self._lock = threading.Lock()

    @property
    def reserved(self) -> int:
        with self._lock:
            return self._reserved

    def free(self) -> int:
        with self._lock:
            return self._limit - len(self._runs) - self._reserved

    def reserve(self) -> bool:
        with self._lock:
            if len(self._runs) + self._reserved >= self._limit:
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
