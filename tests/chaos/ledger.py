"""What a server's database says, read from outside and only while a server is up."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from orchestrator.core import ids


@dataclass(frozen=True, slots=True)
class RunRow:
    id: str
    function: str
    status: str
    owned: bool
    seq: int
    parent: str | None
    output: str | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    run: str
    key: str
    number: int
    status: str
    pid: int


class Ledger:
    """``url`` of a PostgreSQL database, None for SQLite in ``home``."""

    def __init__(self, url: str | None, home: Path) -> None:
        self._url = url
        self._path = home / "signalbox.db"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a statement that both databases know; ids as text."""
        if self._url:
            with psycopg.connect(self._url) as connection:
                return [tuple(map(_plain, row)) for row in connection.execute(sql)]  # type: ignore[arg-type]
        with closing(sqlite3.connect(self._path, timeout=20)) as connection:
            return [tuple(map(_plain, row)) for row in connection.execute(sql)]

    def runs(self) -> list[RunRow]:
        rows = self.rows(
            "SELECT r.id, r.function, r.status, r.owner IS NOT NULL, r.seq, r.parent, CAST(d.output AS text)"
            " FROM signalbox_run r JOIN signalbox_run_data d ON d.run = r.id"
        )
        return [RunRow(*row[:3], bool(row[3]), *row[4:]) for row in rows]

    def statuses(self) -> Counter[str]:
        return Counter(status for (status,) in self.rows("SELECT status FROM signalbox_run"))

    def attempts(self) -> list[AttemptRow]:
        """Attempts of step bodies, oldest first."""
        rows = self.rows(
            "SELECT run, key, number, status, worker FROM signalbox_attempt WHERE op = 'run' ORDER BY run, key, number"
        )
        return [AttemptRow(*row[:4], int(row[4].rpartition(":")[2])) for row in rows]

    def runs_of_events(self) -> dict[str, int]:
        """How many runs each stored event has started."""
        return dict(
            self.rows(
                "SELECT e.id, count(re.run) FROM signalbox_event e"
                " LEFT JOIN signalbox_run_event re ON re.event = e.id GROUP BY e.id"
            )
        )

    def journal(self) -> dict[str, list[tuple[int, str]]]:
        """Numbers and kinds of each run's entries, in order."""
        found: dict[str, list[tuple[int, str]]] = {}
        for run, seq, kind in self.rows("SELECT run, seq, kind FROM signalbox_journal ORDER BY run, seq"):
            found.setdefault(run, []).append((seq, kind))
        return found

    def bookings(self) -> list[tuple[Any, ...]]:
        return sorted(self.rows("SELECT run, step FROM bank_booking"))

    def count(self, table: str, condition: str = "1 = 1") -> int:
        return int(self.rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0])


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return ids.from_bytes(value)
    return ids.from_bytes(value.bytes) if hasattr(value, "bytes") else value
