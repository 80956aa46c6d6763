"""PostgreSQL: each table's rows in one statement (arrays through unnest), row locks taken in id order."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import tuple_row

from orchestrator.core import ids
from orchestrator.engine.rows import AttemptEnd, KeyRow, Row, RunMove, RunResult
from orchestrator.engine.sql.arrays import hex_id, ids_literal, literal, literals, unnest
from orchestrator.engine.sql.base import FACT_COLUMNS, Connection, FenceClaim, Id
from orchestrator.engine.sql.tables import TABLES, ColumnType, given

# Plans are kept: one that was made while the tables were small and unknown would read all of them for ever.
AVOIDED = ("seqscan", "hashjoin", "mergejoin")
OPTIONS = {
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "15s",
    "synchronous_commit": "on",
    **{f"enable_{way}": "off" for way in AVOIDED},
    "jit": "off",  # a way that is avoided and taken all the same costs enough to be compiled: 50 ms
}
OPTIONS_OF_A_TRANSACTION = "SELECT " + ", ".join(f"set_config('{name}', '{OPTIONS[name]}', true)" for name in OPTIONS)
ID, TEXT, INTEGER = ColumnType.ID, ColumnType.TEXT, ColumnType.INTEGER
MOMENT, JSON, CHOICE = ColumnType.MOMENT, ColumnType.JSON, ColumnType.CHOICE
CLAIMS = (ID, INTEGER, INTEGER)
FENCE = f"""
WITH b AS (SELECT * FROM {unnest(CLAIMS)} WITH ORDINALITY t(id, fence, n, place)),
     l AS (SELECT r.id, b.n, b.place, (r.fence = b.fence AND r.owner = %s::uuid) IS TRUE AS mine
           FROM signalbox_run r JOIN b USING (id) ORDER BY r.id FOR NO KEY UPDATE OF r SKIP LOCKED),
     u AS (UPDATE signalbox_run r SET seq = r.seq + l.n FROM l WHERE r.id = l.id AND l.mine
           RETURNING l.place, r.seq - l.n AS base)
SELECT place, base FROM u UNION ALL SELECT place, NULL FROM l WHERE NOT mine
"""
KEYS = (INTEGER, TEXT, TEXT, ID, MOMENT)
USE_KEYS = (
    f"INSERT INTO signalbox_idempotency (env, scope, key, ref, expires_at) SELECT * FROM {unnest(KEYS)}"
    " ON CONFLICT DO NOTHING RETURNING ref"
)
ENDS = (ID, TEXT, INTEGER, CHOICE, MOMENT, JSON, ID, JSON, JSON)
END_ATTEMPTS = (
    "UPDATE signalbox_attempt a SET status = t.status, ended_at = t.ended_at, output = t.output::json,"
    " blob = t.blob, error = t.error::json, detail = coalesce(t.detail::json, a.detail)"
    f" FROM {unnest(ENDS)} t(run, key, number, status, ended_at, output, blob, error, detail)"
    " WHERE a.run = t.run AND a.key = t.key AND a.number = t.number"
)
WAITS = (ID, TEXT)
DELETE_WAITS = f"DELETE FROM signalbox_wait w USING {unnest(WAITS)} t(run, key) WHERE w.run = t.run AND w.key = t.key"
MOVES = (ID, CHOICE, ID, MOMENT, INTEGER, MOMENT)
MOVE_RUNS = (
    "UPDATE signalbox_run r SET status = t.status, owner = t.owner, due_at = t.due_at, attempt = t.attempt,"
    f" ended_at = t.ended_at FROM {unnest(MOVES)} t(id, status, owner, due_at, attempt, ended_at) WHERE r.id = t.id"
)
RESULTS = (ID, JSON, ID, JSON)
STORE_RESULTS = (
    "UPDATE signalbox_run_data d SET output = t.output::json, output_blob = t.blob, error = t.error::json"
    f" FROM {unnest(RESULTS)} t(run, output, blob, error) WHERE d.run = t.run"
)


class Insert(NamedTuple):
    """Into some columns of a table, of these types."""

    text: str
    types: Sequence[ColumnType]


@lru_cache(maxsize=512)
def _insert(kind: type, places: tuple[int, ...], tail: str) -> Insert:
    table = TABLES[kind]
    types = [table.types[n] for n in places]
    picks = ", ".join(f"c{n}::json" if table.types[n] is JSON else f"c{n}" for n in places)
    names = ", ".join(f"c{n}" for n in places)
    return Insert(
        f"INSERT INTO {table.name} ({table.column_list(places)}) SELECT {picks} FROM {unnest(types)} t({names}){tail}",
        types,
    )


def _param(value: Any) -> Any:
    return hex_id(value) if isinstance(value, Id) else value


class PostgresConnection(Connection):
    vendor = "postgresql"
    busy_errors = (
        psycopg.errors.LockNotAvailable,
        psycopg.errors.DeadlockDetected,
        psycopg.errors.SerializationFailure,
    )
    lost_errors = (psycopg.OperationalError, psycopg.InterfaceError)
    errors = psycopg.Error

    def __init__(
        self, params: Mapping[str, Any], *, raw: "psycopg.Connection[Any] | None" = None, lent: bool = False
    ) -> None:
        """``raw``: an open connection whose transactions belong to somebody else (Django's, in step.transaction).

        ``lent``: by a pool, and each time for one transaction only, so that nothing is prepared or set for longer.
        """
        self._params = params
        self._lent = lent
        self._borrowed = raw is not None
        self._raw = raw or self._open()
        self._open_transaction = ExitStack()
        self._pipeline: psycopg.Pipeline | None = None

    def _open(self) -> "psycopg.Connection[Any]":
        prepare_threshold = None if self._lent else 2
        raw = psycopg.connect(
            **self._params, autocommit=True, prepare_threshold=prepare_threshold, row_factory=tuple_row
        )
        if not self._lent:
            for name, value in OPTIONS.items():
                raw.execute(f"SET {name} = '{value}'")
        return raw

    def begin(self) -> None:
        # Statements are sent as they come; only what asks for an answer waits for one.
        self._pipeline = self._open_transaction.enter_context(self._raw.pipeline())
        self._raw.execute("BEGIN")
        if self._lent:
            self._raw.execute(OPTIONS_OF_A_TRANSACTION)

    def commit(self) -> None:
        try:
            self._raw.execute("COMMIT")  # may tell of an earlier statement's error
            self._open_transaction.close()
        except psycopg.Error:
            self.rollback()
            raise

    def rollback(self) -> None:
        with suppress(psycopg.Error):  # of statements that nobody has asked about
            self._open_transaction.close()
        if self._raw.closed:
            return
        if self._raw.info.pipeline_status is PipelineStatus.OFF:
            self._raw.rollback()
        if self._raw.info.transaction_status is not TransactionStatus.IDLE:
            self.reconnect()  # answers to statements sent after the failed one are still on their way

    def close(self) -> None:
        self._raw.close()

    def is_lost(self) -> bool:
        return self._raw.closed

    def reconnect(self) -> None:
        self._raw.close()
        self._raw = self._open()

    def _execute(self, sql: str, params: Sequence[Any]) -> "psycopg.Cursor[Any]":
        cursor = self._raw.cursor(row_factory=tuple_row) if self._borrowed else self._raw.cursor()
        return cursor.execute(sql, params)

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.ask(sql, params)()

    def ask(self, sql: str, params: Sequence[Any] = ()) -> Callable[[], list[tuple[Any, ...]]]:
        return self._execute(sql.replace("?", "%s"), [_param(value) for value in params]).fetchall

    def run(self, sql: str, params: Sequence[Any] = ()) -> None:
        self._execute(sql.replace("?", "%s"), [_param(value) for value in params])

    def touch(self, sql: str, params: Sequence[Any] = ()) -> Callable[[], int]:
        cursor = self._execute(sql.replace("?", "%s"), [_param(value) for value in params])
        return lambda: self._touched(cursor)

    def _touched(self, cursor: "psycopg.Cursor[Any]") -> int:
        if cursor.pgresult is None and self._pipeline is not None:
            self._pipeline.sync()
        return cursor.rowcount

    def any_of(self, column: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
        if values and isinstance(values[0], Id):
            return f"{column} = ANY(?::uuid[])", [ids_literal(values)]
        return f"{column} = ANY(?)", [list(values)]

    def id(self, value: Any) -> str:
        return ids.from_bytes(value.bytes)

    def moment(self, value: Any) -> datetime | None:
        return value  # type: ignore[no-any-return]

    def insert(self, rows: Sequence[Row], *, ignore_conflicts: bool = False) -> None:
        columns = list(zip(*rows, strict=True))
        places = given(columns)
        kind: type = type(rows[0])
        text, types = _insert(kind, places, " ON CONFLICT DO NOTHING" if ignore_conflicts else "")
        self._execute(text, [literal(columns[n], type_) for n, type_ in zip(places, types, strict=True)])

    def fence(self, owner: str, claims: Sequence[FenceClaim]) -> Mapping[str, int | None]:
        found = self._execute(FENCE, [*literals(claims, CLAIMS), hex_id(owner)]).fetchall()
        return {claims[place - 1].run: base for place, base in found}

    def use_keys(self, keys: Sequence[KeyRow]) -> list[bool]:
        # One statement in key order, so that two senders of the same keys cannot wait for each other.
        unique = {(k.env, k.scope, k.key): k for k in reversed(keys)}
        ordered = [unique[place] for place in sorted(unique)]
        taken = self._execute(USE_KEYS, literals(ordered, KEYS))
        refs = {self.id(row[0]) for row in taken.fetchall()}
        return [k.ref in refs for k in keys]

    def end_attempts(self, ends: Sequence[AttemptEnd]) -> None:
        self._execute(END_ATTEMPTS, literals(ends, ENDS))

    def delete_waits(self, waits: Sequence[tuple[str, str]]) -> None:
        self._execute(DELETE_WAITS, literals(waits, WAITS))

    def move_runs(self, moves: Sequence[RunMove]) -> None:
        self._execute(MOVE_RUNS, literals(moves, MOVES))

    def store_results(self, results: Sequence[RunResult]) -> None:
        self._execute(STORE_RESULTS, literals(results, RESULTS))

    def claim(
        self, condition: str, params: Sequence[Any], owner: str, now: datetime, limit: int
    ) -> list[tuple[Any, ...]]:
        rows = self.query(
            "WITH due AS (SELECT id AS run FROM signalbox_run WHERE owner IS NULL"
            f" AND {condition} ORDER BY prio LIMIT ? FOR NO KEY UPDATE SKIP LOCKED)"
            " UPDATE signalbox_run r SET owner = ?, fence = r.fence + 1, seq = r.seq + 1, status = 'running',"
            " due_at = NULL, gate = NULL, started_at = coalesce(r.started_at, ?) FROM due WHERE r.id = due.run"
            f" RETURNING {FACT_COLUMNS}, seq, prio",
            [*params, limit, Id(owner), now],
        )
        return sorted(rows, key=itemgetter(-1))

    def lock_ending(self, runs: Sequence[str]) -> None:
        self._execute(
            "SELECT 1 FROM signalbox_run WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE", [literal(runs, ID)]
        )

    def renew(self, worker: str, seconds: float, now: datetime) -> bool:
        sql = "UPDATE signalbox_worker SET expires_at = clock_timestamp() + ? * interval '1 second' WHERE id = ?"
        return self.touch(sql, [float(seconds), Id(worker)])() == 1

    def reap(self, now: datetime, me: str) -> list[str]:
        sql = "DELETE FROM signalbox_worker WHERE expires_at < clock_timestamp() AND id <> ? RETURNING id"
        rows = self.query(sql, [Id(me)])
        return [self.id(row[0]) for row in rows]
