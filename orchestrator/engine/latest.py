"""The latest of values that come more often than they are told."""

import threading
from collections.abc import Callable

PROGRESS_SECONDS = 0.25  # between two that are told

Told = tuple[float, str]  # how far a run is, from 0 to 1, and a line


class Latest:
    """Keeps the last value until ``flush`` gives it to ``tell``. Touched by any thread."""

    def __init__(self, tell: Callable[[Told], None]) -> None:
        self._tell = tell
        self._value: Told | None = None
        self._told: Told | None = None
        self._waits = False
        self._lock = threading.Lock()

    def put(self, value: Told) -> bool:
        """Whether ``flush`` has to be called in a while: it is not on its way already."""
        with self._lock:
            if value == (self._value or self._told):
                return False
            self._value = value
            first, self._waits = not self._waits, True
            return first

    def flush(self) -> None:
        with self._lock:
            value, self._value, self._waits = self._value, None, False
            if value is None:
                return
            self._told = value
        self._tell(value)
