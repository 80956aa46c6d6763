"""SQLite: many rows in few statements, one writer at a time by the process's write lock."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from orchestrator.core import ids
from orchestrator.db.locks import write_lock
from orchestrator.engine.rows import AttemptEnd, KeyRow, Row, RunMove, RunResult
from orchestrator.engine.sql.base import FACT_COLUMNS, Connection, FenceClaim, Id
from orchestrator.engine.sql.bulk import STATEMENTS, Bulk
from orchestrator.engine.sql.tables import TABLES, ColumnType, given
from orchestrator.models.fields import from_micros, to_micros

CHECKPOINT_PAGES = 4000  # 16 MB of WAL between checkpoints
CACHE_KIB = 16_384  # the pages that 500 runs in flight touch
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"cache_size=-{CACHE_KIB}",
)


# The driver binds int, float, str and bytearray at once. For all others, None and bytes among them, it first looks for
# an adapter, and raises and forgets an error when there is none: ten times as long as the binding itself.
@lru_cache(maxsize=8192)
def _raw_id(id: str | None) -> Any:
    return None if id is None else bytearray(ids.to_bytes(id))


def _moment(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


CONVERTERS: dict[ColumnType, Callable[[Any], Any]] = {
    ColumnType.ID: _raw_id,
    ColumnType.MOMENT: _moment,
    ColumnType.BOOLEAN: int,
    ColumnType.CHOICE: str,  # an enum's member is a stranger, too
}
FENCE = Bulk(
    # The plus keeps the planner from walking all runs of this owner.
    "UPDATE signalbox_run SET seq = seq + v.column3 FROM (VALUES {}) AS v"
    " WHERE signalbox_run.id = v.column1 AND fence = v.column2 AND +owner = ? RETURNING id, seq",
    3,
    "UPDATE signalbox_run SET seq = seq + ?3 WHERE id = ?1 AND fence = ?2 AND owner = ?4 RETURNING id, seq",
)
END_ATTEMPTS = Bulk(
    "UPDATE signalbox_attempt SET status = v.column4, ended_at = v.column5, output = v.column6, blob = v.column7,"
    " error = v.column8, detail = coalesce(v.column9, detail) FROM (VALUES {}) AS v"
    " WHERE run = v.column1 AND key = v.column2 AND number = v.column3",
    9,
    "UPDATE signalbox_attempt SET status = ?4, ended_at = ?5, output = ?6, blob = ?7, error = ?8,"
    " detail = coalesce(?9, detail) WHERE run = ?1 AND key = ?2 AND number = ?3",
)
DELETE_WAITS = Bulk(
    # Cross join: the planner would walk all waits and look each up among the values.
    "DELETE FROM signalbox_wait WHERE rowid IN (SELECT w.rowid FROM (VALUES {}) AS v CROSS JOIN signalbox_wait w"
    " WHERE w.run = v.column1 AND w.key = v.column2)",
    2,
    "DELETE FROM signalbox_wait WHERE run = ?1 AND key = ?2",
)
MOVE_RUNS = Bulk(
    "UPDATE signalbox_run SET status = v.column2, owner = v.column3, due_at = v.column4, attempt = v.column5,"
    " ended_at = v.column6 FROM (VALUES {}) AS v WHERE signalbox_run.id = v.column1",
    6,
    "UPDATE signalbox_run SET status = ?2, owner = ?3, due_at = ?4, attempt = ?5, ended_at = ?6 WHERE id = ?1",
)
STORE_RESULTS = Bulk(
    "UPDATE signalbox_run_data SET output = v.column2, output_blob = v.column3, error = v.column4"
    " FROM (VALUES {}) AS v WHERE run = v.column1",
    4,
    "UPDATE signalbox_run_data SET output = ?2, output_blob = ?3, error = ?4 WHERE run = ?1",
)


class Insert(NamedTuple):
    """Into some columns of a table; ``converters`` by their places among these."""

    statement: Bulk
    converters: Sequence[tuple[int, Callable[[Any], Any]]]


@lru_cache(maxsize=512)
def _insert(kind: type, places: tuple[int, ...], tail: str) -> Insert:
    table = TABLES[kind]
    text = f"INSERT INTO {table.name} ({table.column_list(places)}) VALUES {{}}{tail}"
    special = dict(table.special)
    converters = [(place, CONVERTERS[special[n]]) for place, n in enumerate(places) if n in special]
    return Insert(Bulk(text, len(places)), converters)


def _columns(rows: Sequence[tuple[Any, ...]], converters: Iterable[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    return _converted(list(zip(*rows, strict=True)), converters)


def _converted(columns: list[Any], converters: Iterable[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    for n, converter in converters:
        columns[n] = map(converter, columns[n])
    return columns


def _param(value: Any) -> Any:
    if isinstance(value, Id):
        return _raw_id(value)
    return to_micros(value) if isinstance(value, datetime) else value


def _place(end: AttemptEnd) -> tuple[bytes, str, int]:
    return ids.to_bytes(end.run), end.key, end.number


class SqliteConnection(Connection):
    vendor = "sqlite"
    busy_errors: tuple[type[Exception], ...] = ()
    lost_errors: tuple[type[Exception], ...] = ()
    errors = sqlite3.Error

    def __init__(self, path: str, *, raw: sqlite3.Connection | None = None, checkpoints: bool = True) -> None:
        """``raw``: an open connection whose transactions belong to somebody else (Django's, in step.transaction).

        ``checkpoints``: for one connection at a time, that of the engine (orchestrator.db.sqlite3 says why).
        """
        self.path = path
        self._checkpoint_pages = CHECKPOINT_PAGES if checkpoints else 0
        self._lock = write_lock(path)
        self._raw = raw or self._open()

    def _open(self) -> sqlite3.Connection:
        raw = sqlite3.connect(
            self.path,
            isolation_level=None,
            check_same_thread=False,
            timeout=20,
            uri=self.path.startswith("file:"),
            cached_statements=STATEMENTS,
        )
        for pragma in (*PRAGMAS, f"wal_autocheckpoint={self._checkpoint_pages}"):
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
        try:
            self._raw.execute("COMMIT")
        except BaseException:
            self.rollback()
            raise
        self._lock.release()

    def rollback(self) -> None:
        try:
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
        finally:
            self._lock.release()

    def close(self) -> None:
        self._raw.close()

    def is_lost(self) -> bool:
        return False

    def reconnect(self) -> None:
        self._raw.close()
        self._raw = self._open()

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._raw.execute(sql, [_param(value) for value in params]).fetchall()

    def ask(self, sql: str, params: Sequence[Any] = ()) -> Callable[[], list[tuple[Any, ...]]]:
        rows = self.query(sql, params)
        return lambda: rows

    def run(self, sql: str, params: Sequence[Any] = ()) -> None:
        self._raw.execute(sql, [_param(value) for value in params])

    def touch(self, sql: str, params: Sequence[Any] = ()) -> Callable[[], int]:
        count = self._raw.execute(sql, [_param(value) for value in params]).rowcount
        return lambda: count

    def any_of(self, column: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
        # By no way that remembers them: a walk through old runs by thousands would push out the live ones.
        params = [bytearray(ids.to_bytes(value)) if isinstance(value, Id) else value for value in values]
        # To the next power of two, by repeating the last: few texts, so that all of them stay prepared.
        params += params[-1:] * ((1 << (len(params) - 1).bit_length()) - len(params))
        return f"{column} IN ({','.join('?' * len(params))})", params

    def id(self, value: Any) -> str:
        return ids.from_bytes(value)

    def moment(self, value: Any) -> datetime | None:
        return None if value is None else from_micros(value)

    def insert(self, rows: Sequence[Row], *, ignore_conflicts: bool = False) -> None:
        kind: type = type(rows[0])
        columns = list(zip(*rows, strict=True))
        places = given(columns)
        tail = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
        statement, converters = _insert(kind, places, tail)
        statement.run(self._raw, len(rows), _converted([columns[n] for n in places], converters))

    def fence(self, owner: str, claims: Sequence[FenceClaim]) -> Mapping[str, int | None]:
        bases: dict[str, int | None] = dict.fromkeys([claim.run for claim in claims])
        by_id = {bytes(_raw_id(claim.run)): claim for claim in claims}
        found = FENCE.run(self._raw, len(claims), _columns(claims, [(0, _raw_id)]), _raw_id(owner))
        for raw_id, seq in found:
            claim = by_id[raw_id]
            bases[claim.run] = seq - claim.n
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
        END_ATTEMPTS.run(self._raw, len(ends), _columns(ends, [(0, _raw_id), (3, str), (4, _moment), (6, _raw_id)]))

    def delete_waits(self, waits: Sequence[tuple[str, str]]) -> None:
        DELETE_WAITS.run(self._raw, len(waits), _columns(waits, [(0, _raw_id)]))

    def move_runs(self, moves: Sequence[RunMove]) -> None:
        MOVE_RUNS.run(
            self._raw, len(moves), _columns(moves, [(0, _raw_id), (1, str), (2, _raw_id), (3, _moment), (5, _moment)])
        )

    def store_results(self, results: Sequence[RunResult]) -> None:
        STORE_RESULTS.run(self._raw, len(results), _columns(results, [(0, _raw_id), (2, _raw_id)]))

    def claim(
        self, condition: str, params: Sequence[Any], owner: str, now: datetime, limit: int
    ) -> list[tuple[Any, ...]]:
        rows = self.query(
            "UPDATE signalbox_run SET owner = ?, fence = fence + 1, seq = seq + 1, status = 'running', due_at = NULL,"
            " gate = NULL, started_at = coalesce(started_at, ?) WHERE id IN (SELECT id FROM signalbox_run"
            f" WHERE owner IS NULL AND {condition} ORDER BY prio LIMIT ?) RETURNING {FACT_COLUMNS}, seq, prio",
            [Id(owner), now, *params, limit],
        )
        return sorted(rows, key=itemgetter(-1))

    def lock_ending(self, runs: Sequence[str]) -> None:
        """The write lock already keeps everybody else out."""

    def renew(self, worker: str, seconds: float, now: datetime) -> bool:
        until = to_micros(now) + int(seconds * 1_000_000)
        return self.touch("UPDATE signalbox_worker SET expires_at = ? WHERE id = ?", [until, Id(worker)])() == 1

    def reap(self, now: datetime, me: str) -> list[str]:
        rows = self.query("DELETE FROM signalbox_worker WHERE expires_at < ? AND id <> ? RETURNING id", [now, Id(me)])
        return [self.id(row[0]) for row in rows]
