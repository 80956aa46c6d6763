"""PostgreSQL: each table's rows in one statement (arrays through unnest), row locks taken in id order."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row

from orchestrator.core import ids
from orchestrator.engine.rows import AttemptEnd, KeyRow, Row, RunMove, RunResult
from orchestrator.engine.sql.base import Connection, FenceClaim, Id
from orchestrator.engine.sql.tables import TABLES, ColumnType

CASTS = {
    ColumnType.ID: "uuid",
    ColumnType.MOMENT: "timestamptz",
    ColumnType.JSON: "text",  # cast to json in the select: arrays of json are not comparable in a plan
    ColumnType.INTEGER: "bigint",
    ColumnType.BOOLEAN: "bool",
    ColumnType.TEXT: "text",
    ColumnType.CHOICE: "text",
}
FENCE = """
WITH b AS (SELECT * FROM unnest(%s::uuid[], %s::int[], %s::int[]) t(id, fence, n)),
     l AS (SELECT r.id, b.n, (r.fence = b.fence AND r.owner = %s::uuid) IS TRUE AS mine
           FROM signalbox_run r JOIN b USING (id) ORDER BY r.id FOR NO KEY UPDATE OF r SKIP LOCKED),
     u AS (UPDATE signalbox_run r SET seq = r.seq + l.n FROM l WHERE r.id = l.id AND l.mine
           RETURNING r.id, r.seq - l.n AS base)
SELECT l.id, l.mine, u.base FROM l LEFT JOIN u USING (id)
"""


def _hex(value: str | None) -> str | None:
    return None if value is None else ids.to_bytes(value).hex()


def _param(value: Any) -> Any:
    return UUID(bytes=ids.to_bytes(value)) if isinstance(value, Id) else value


def _columns(rows: Sequence[tuple[Any, ...]], id_columns: Sequence[int]) -> list[list[Any]]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    for n in id_columns:
        columns[n] = [_hex(value) for value in columns[n]]
    return columns


class PostgresConnection(Connection):
    vendor = "postgresql"
    lost_errors = (psycopg.OperationalError, psycopg.InterfaceError)
    errors = psycopg.Error

    def __init__(self, params: Mapping[str, Any], *, raw: "psycopg.Connection[Any] | None" = None) -> None:
        """``raw``: an open connection whose transactions belong to somebody else (Django's, in step.transaction)."""
        self._params = params
        self._borrowed = raw is not None
        self._raw = raw or self._open()
        self._inserts: dict[tuple[type, bool], str] = {}

    def _open(self) -> "psycopg.Connection[Any]":
        raw = psycopg.connect(**self._params, autocommit=True, prepare_threshold=2, row_factory=tuple_row)
        raw.execute("SET lock_timeout = '2s'")
        raw.execute("SET idle_in_transaction_session_timeout = '15s'")
        raw.execute("SET synchronous_commit = on")
        return raw

    def begin(self) -> None:
        self._raw.execute("BEGIN")

    def commit(self) -> None:
        self._raw.execute("COMMIT")

    def rollback(self) -> None:
        if not self._raw.closed:
            self._raw.rollback()

    def close(self) -> None:
        self._raw.close()

    def reconnect(self) -> None:
        self._raw.close()
        self._raw = self._open()

    def _execute(self, sql: str, params: Sequence[Any]) -> "psycopg.Cursor[Any]":
        cursor = self._raw.cursor(row_factory=tuple_row) if self._borrowed else self._raw.cursor()
        return cursor.execute(sql, params)

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._execute(sql.replace("?", "%s"), [_param(value) for value in params]).fetchall()

    def run(self, sql: str, params: Sequence[Any] = ()) -> int:
        return self._execute(sql.replace("?", "%s"), [_param(value) for value in params]).rowcount

    def any_of(self, column: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
        if values and isinstance(values[0], Id):
            return f"{column} = ANY(?::uuid[])", [[_hex(value) for value in values]]
        return f"{column} = ANY(?)", [list(values)]

    def id(self, value: Any) -> str:
        return ids.from_bytes(value.bytes)

    def moment(self, value: Any) -> datetime | None:
        return value  # type: ignore[no-any-return]

    def insert(self, rows: Sequence[Row], *, ignore_conflicts: bool = False) -> None:
        kind = type(rows[0])
        table = TABLES[kind]
        sql = self._inserts.get((kind, ignore_conflicts))
        if sql is None:
            arrays = ", ".join(f"%s::{CASTS[column]}[]" for column in table.types)
            names = [f"c{n}" for n in range(len(table.columns))]
            picks = [f"{n}::json" if t is ColumnType.JSON else n for n, t in zip(names, table.types, strict=True)]
            tail = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
            sql = (
                f"INSERT INTO {table.name} ({table.column_list}) SELECT {', '.join(picks)}"
                f" FROM unnest({arrays}) t({', '.join(names)}){tail}"
            )
            self._inserts[kind, ignore_conflicts] = sql
        self._execute(sql, _columns(rows, [n for n, t in enumerate(table.types) if t is ColumnType.ID]))

    def fence(self, owner: str, claims: Sequence[FenceClaim]) -> Mapping[str, int | None]:
        columns = ([_hex(c.run) for c in claims], [c.fence for c in claims], [c.n for c in claims])
        found = self._execute(FENCE, [*columns, _hex(owner)]).fetchall()
        return {self.id(run): base if mine else None for run, mine, base in found}

    def use_keys(self, keys: Sequence[KeyRow]) -> list[bool]:
        # One statement in key order, so that two senders of the same keys cannot wait for each other.
        unique = {(k.env, k.scope, k.key): k for k in reversed(keys)}
        ordered = [unique[place] for place in sorted(unique)]
        taken = self._execute(
            "INSERT INTO signalbox_idempotency (env, scope, key, ref, expires_at)"
            " SELECT * FROM unnest(%s::int[], %s::text[], %s::text[], %s::uuid[], %s::timestamptz[])"
            " ON CONFLICT DO NOTHING RETURNING ref",
            _columns(ordered, [3]),
        )
        refs = {self.id(row[0]) for row in taken.fetchall()}
        return [k.ref in refs for k in keys]

    def end_attempts(self, ends: Sequence[AttemptEnd]) -> None:
        self._execute(
            "UPDATE signalbox_attempt a SET status = t.status, ended_at = t.ended_at, output = t.output::json,"
            " blob = t.blob, error = t.error::json, detail = coalesce(t.detail::json, a.detail)"
            " FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::text[], %s::timestamptz[], %s::text[], %s::uuid[],"
            " %s::text[], %s::text[]) t(run, key, number, status, ended_at, output, blob, error, detail)"
            " WHERE a.run = t.run AND a.key = t.key AND a.number = t.number",
            _columns(ends, [0, 6]),
        )

    def move_runs(self, moves: Sequence[RunMove]) -> None:
        self._execute(
            "UPDATE signalbox_run r SET status = t.status, owner = t.owner, due_at = t.due_at, attempt = t.attempt,"
            " ended_at = t.ended_at FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::timestamptz[], %s::int[],"
            " %s::timestamptz[]) t(id, status, owner, due_at, attempt, ended_at) WHERE r.id = t.id",
            _columns(moves, [0, 2]),
        )

    def store_results(self, results: Sequence[RunResult]) -> None:
        self._execute(
            "UPDATE signalbox_run_data d SET output = t.output::json, output_blob = t.blob, error = t.error::json"
            " FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::text[]) t(run, output, blob, error)"
            " WHERE d.run = t.run",
            _columns(results, [0, 2]),
        )

    def claim(self, condition: str, params: Sequence[Any], owner: str, now: datetime, limit: int) -> list[str]:
        rows = self.query(
            "WITH due AS (SELECT id FROM signalbox_run WHERE owner IS NULL"
            f" AND {condition} ORDER BY prio LIMIT ? FOR NO KEY UPDATE SKIP LOCKED)"
            " UPDATE signalbox_run r SET owner = ?, fence = r.fence + 1, status = 'running', due_at = NULL,"
            " started_at = coalesce(r.started_at, ?) FROM due WHERE r.id = due.id RETURNING r.id, r.prio",
            [*params, limit, Id(owner), now],
        )
        return [self.id(row[0]) for row in sorted(rows, key=lambda row: row[1])]

    def lock_ending(self, runs: Sequence[str]) -> None:
        self._execute(
            "SELECT 1 FROM signalbox_run WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE", [[_hex(r) for r in runs]]
        )

    def renew(self, worker: str, seconds: float, now: datetime) -> bool:
        sql = "UPDATE signalbox_worker SET expires_at = clock_timestamp() + ? * interval '1 second' WHERE id = ?"
        return self.run(sql, [float(seconds), Id(worker)]) == 1

    def reap(self, now: datetime) -> list[str]:
        rows = self.query("DELETE FROM signalbox_worker WHERE expires_at < clock_timestamp() RETURNING id")
        return [self.id(row[0]) for row in rows]
