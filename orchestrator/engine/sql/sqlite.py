"""SQLite: one prepared statement a row (a few microseconds), one writer at a time by the process's write lock."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestrator.core import ids
from orchestrator.db.locks import write_lock
from orchestrator.engine.rows import AttemptEnd, KeyRow, Row, RunMove, RunResult
from orchestrator.engine.sql.base import Connection, FenceClaim, Id
from orchestrator.engine.sql.tables import TABLES, ColumnType
from orchestrator.models.fields import from_micros, to_micros

CHECKPOINT_PAGES = 4000  # 16 MB of WAL between checkpoints


def _id(value: str | None) -> bytes | None:
    return None if value is None else ids.to_bytes(value)


def _moment(value: datetime | None) -> int | None:
    return None if value is None else to_micros(value)


CONVERTERS: dict[ColumnType, Callable[[Any], Any]] = {ColumnType.ID: _id, ColumnType.MOMENT: _moment}


def _param(value: Any) -> Any:
    if isinstance(value, Id):
        return ids.to_bytes(value)
    return to_micros(value) if isinstance(value, datetime) else value


def _place(end: AttemptEnd) -> tuple[bytes, str, int]:
    return ids.to_bytes(end.run), end.key, end.number


class SqliteConnection(Connection):
    vendor = "sqlite"
    lost_errors: tuple[type[Exception], ...] = ()
    errors = sqlite3.Error

    def __init__(self, path: str, *, raw: sqlite3.Connection | None = None) -> None:
        """``raw``: an open connection whose transactions belong to somebody else (Django's, in step.transaction)."""
        self.path = path
        self._lock = write_lock(path)
        self._raw = raw or self._open()

    def _open(self) -> sqlite3.Connection:
        raw = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=20, uri=self.path.startswith("file:")
        )
        pragmas = ("journal_mode=WAL", "synchronous=FULL", f"wal_autocheckpoint={CHECKPOINT_PAGES}")
        for pragma in pragmas:
            raw.execute(f"PRAGMA {pragma}")
        return raw

    def begin(self) -> None:
        self._lock.acquire()
        try:
            self._raw.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise

    def commit(self) -> None:
        self._raw.execute("COMMIT")
        self._lock.release()

    def rollback(self) -> None:
        try:
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
        finally:
            self._lock.release()

    def close(self) -> None:
        self._raw.close()

    def reconnect(self) -> None:
        self._raw.close()
        self._raw = self._open()

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._raw.execute(sql, [_param(value) for value in params]).fetchall()

    def run(self, sql: str, params: Sequence[Any] = ()) -> int:
        return self._raw.execute(sql, [_param(value) for value in params]).rowcount

    def any_of(self, column: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
        return f"{column} IN ({','.join('?' * len(values))})", list(values)

    def id(self, value: Any) -> str:
        return ids.from_bytes(value)

    def moment(self, value: Any) -> datetime | None:
        return None if value is None else from_micros(value)

    def insert(self, rows: Sequence[Row], *, ignore_conflicts: bool = False) -> None:
        table = TABLES[type(rows[0])]
        places = ",".join("?" * len(table.columns))
        tail = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
        convert = [(n, CONVERTERS[kind]) for n, kind in enumerate(table.types) if kind in CONVERTERS]
        values = []
        for row in rows:
            value = list(row)
            for n, converter in convert:
                value[n] = converter(value[n])
            values.append(value)
        self._raw.executemany(f"INSERT INTO {table.name} ({table.column_list}) VALUES ({places}){tail}", values)

    def fence(self, owner: str, claims: Sequence[FenceClaim]) -> Mapping[str, int | None]:
        me = ids.to_bytes(owner)
        sql = "UPDATE signalbox_run SET seq = seq + ? WHERE id = ? AND fence = ? AND owner = ? RETURNING seq"
        bases: dict[str, int | None] = {}
        for claim in claims:
            row = self._raw.execute(sql, (claim.n, ids.to_bytes(claim.run), claim.fence, me)).fetchone()
            bases[claim.run] = row[0] - claim.n if row else None
        return bases

    def use_keys(self, keys: Sequence[KeyRow]) -> list[bool]:
        sql = (
            "INSERT INTO signalbox_idempotency (env, scope, key, ref, expires_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING"
        )
        return [
            self._raw.execute(sql, (k.env, k.scope, k.key, ids.to_bytes(k.ref), to_micros(k.expires_at))).rowcount == 1
            for k in keys
        ]

    def end_attempts(self, ends: Sequence[AttemptEnd]) -> None:
        self._raw.executemany(
            "UPDATE signalbox_attempt SET status = ?, ended_at = ?, output = ?, blob = ?, error = ?,"
            " detail = coalesce(?, detail) WHERE run = ? AND key = ? AND number = ?",
            [(*(e.status, to_micros(e.ended_at), e.output, _id(e.blob), e.error, e.detail), *_place(e)) for e in ends],
        )

    def move_runs(self, moves: Sequence[RunMove]) -> None:
        self._raw.executemany(
            "UPDATE signalbox_run SET status = ?, owner = ?, due_at = ?, attempt = ?, ended_at = ? WHERE id = ?",
            [
                (m.status, _id(m.owner), _moment(m.due_at), m.attempt, _moment(m.ended_at), ids.to_bytes(m.run))
                for m in moves
            ],
        )

    def store_results(self, results: Sequence[RunResult]) -> None:
        self._raw.executemany(
            "UPDATE signalbox_run_data SET output = ?, output_blob = ?, error = ? WHERE run = ?",
            [(r.output, _id(r.output_blob), r.error, ids.to_bytes(r.run)) for r in results],
        )

    def claim(self, condition: str, params: Sequence[Any], owner: str, now: datetime, limit: int) -> list[str]:
        rows = self.query(
            "UPDATE signalbox_run SET owner = ?, fence = fence + 1, status = 'running', due_at = NULL,"
            " started_at = coalesce(started_at, ?) WHERE id IN (SELECT id FROM signalbox_run"
            f" WHERE owner IS NULL AND {condition} ORDER BY prio LIMIT ?) RETURNING id, prio",
            [Id(owner), now, *params, limit],
        )
        return [self.id(row[0]) for row in sorted(rows, key=lambda row: row[1])]

    def lock_ending(self, runs: Sequence[str]) -> None:
        """The write lock already keeps everybody else out."""

    def renew(self, worker: str, seconds: float, now: datetime) -> bool:
        until = to_micros(now) + int(seconds * 1_000_000)
        return self.run("UPDATE signalbox_worker SET expires_at = ? WHERE id = ?", [until, Id(worker)]) == 1

    def reap(self, now: datetime) -> list[str]:
        rows = self.query("DELETE FROM signalbox_worker WHERE expires_at < ? RETURNING id", [now])
        return [self.id(row[0]) for row in rows]
