"""What a database says, read from outside of Signalbox."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from orchestrator.core import ids

Rows = list[tuple[Any, ...]]
AWAY = (psycopg.OperationalError, sqlite3.OperationalError)


class Database:
    """``url`` of a PostgreSQL database, None for SQLite in ``home``."""

    def __init__(self, url: str | None, home: Path) -> None:
        self._url = url
        self._path = home / "signalbox.db"

    def rows(self, sql: str) -> Rows:
        """Rows of a statement that both databases know; ids as text. Raises one of AWAY."""
        if self._url:
            with psycopg.connect(self._url, connect_timeout=5) as connection:
                return [tuple(map(_plain, row)) for row in connection.execute(sql.encode())]
        if not self._path.exists():
            raise sqlite3.OperationalError("there is no database yet")
        with closing(sqlite3.connect(self._path, timeout=20)) as connection:
            return [tuple(map(_plain, row)) for row in connection.execute(sql)]

    def rows_if_there(self, sql: str) -> Rows:
        """The same; none while the database is away."""
        try:
            return self.rows(sql)
        except AWAY:
            return []


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return ids.from_bytes(value)
    return ids.from_bytes(value.bytes) if hasattr(value, "bytes") else value
