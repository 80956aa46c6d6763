"""Lines logged or printed inside a run, until they are written with its next checkpoint."""

import threading
from datetime import datetime

from orchestrator.engine.rows import LogRow

MAX_LINE = 16_384  # characters
MAX_LINES = 1000  # between two checkpoints; what comes more is counted


class LogBuffer:
    """Filled by any thread of the run."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, int, datetime, str, str, str]] = []
        self._dropped = 0
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._rows)

    def add(self, key: str, number: int, at: datetime, *, level: str, logger: str, message: str) -> None:
        text = message.replace("\0", "�").encode("utf-8", "replace").decode()
        if len(text) > MAX_LINE:
            text = f"{text[:MAX_LINE]}… {len(text) - MAX_LINE} characters left out"
        with self._lock:
            if len(self._rows) < MAX_LINES:
                self._rows.append((key, number, at, level, logger, text))
            else:
                self._dropped += 1

    def take(self, run: str) -> list[LogRow]:
        if not self._rows:
            return []
        with self._lock:
            rows, self._rows = self._rows, []
            dropped, self._dropped = self._dropped, 0
        result = [LogRow(run, *row) for row in rows]
        if dropped:
            last = result[-1]
            result.append(last._replace(level="WARNING", logger="signalbox", message=f"{dropped} more lines dropped"))
        return result
