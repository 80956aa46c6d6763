"""Deleting what is no longer kept, each function one transaction. A run goes whole, with all that hangs on it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from itertools import accumulate
from typing import Any

from django.apps import apps

from orchestrator.engine.audit import record_action
from orchestrator.engine.clock import system_clock
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.retention_walk import PAGE
from orchestrator.engine.sql import Connection, Id

# Of all deletions in a PostgreSQL database: two at once could each leave a shared blob to the other's run.
ADVISORY_KEY = 0x5167_626F_7800


@cache
def tables_of_runs() -> tuple[str, ...]:
    """Every table whose rows belong to a run, but the runs and their blobs."""
    models = apps.get_app_config("orchestrator").get_models()
    tables = {model._meta.db_table for model in models if any(f.name == "run" for f in model._meta.fields)}
    return tuple(sorted(tables - {"signalbox_blob"}))


def delete_runs(db: Connection, runs: Sequence[str]) -> list[str]:
    """Those of the runs that had ended and are gone now; blobs that other runs refer to are left to one of them."""
    with _transaction(db):
        gone = _lock_ended(db, runs)
        if gone:
            condition, params = _of(db, "run", gone)
            _hand_over_blobs(db, gone)
            for table in (*tables_of_runs(), "signalbox_blob"):
                db.run(f"DELETE FROM {table} WHERE {condition}", params)
            condition, params = _of(db, "id", gone)
            db.run(f"DELETE FROM signalbox_run WHERE {condition}", params)
    return gone


def begin_large(db: Connection, run: str) -> bool:
    """Whether a run that is deleted piece by piece may go. What it was given goes first: nobody replays it any more."""
    with _transaction(db):
        ended = _lock_ended(db, [run])
        if ended:
            db.run("DELETE FROM signalbox_run_data WHERE run = ?", [Id(run)])
    return bool(ended)


def delete_piece(db: Connection, run: str, most: int) -> bool:
    """Of each kind of a run's rows that it may have many of, at most so many; whether there may be more."""
    with _transaction(db):
        if not _lock_ended(db, [run]):
            return False
        counts = (
            delete_lines_within(db, [run], None, most),
            db.touch(_first_rows("signalbox_journal", "seq"), [Id(run), Id(run), most])(),
            db.touch(_first_rows("signalbox_attempt", "key"), [Id(run), Id(run), most])(),
            most if _delete_blobs(db, run, most) else 0,
        )
    return max(counts) >= most


def _first_rows(table: str, column: str) -> str:
    return (
        f"DELETE FROM {table} WHERE run = ? AND {column} <= (SELECT max({column}) FROM"
        f" (SELECT {column} FROM {table} WHERE run = ? ORDER BY {column} LIMIT ?) AS first)"
    )


def _delete_blobs(db: Connection, run: str, most: int) -> bool:
    """So many of the run's large values that they weigh as much as the rows, one at least; whether there were any."""
    rows = db.query("SELECT id, size FROM signalbox_blob WHERE run = ? ORDER BY id LIMIT ?", [Id(run), most])
    pages = accumulate(1 + int(size) // PAGE for _, size in rows)
    light = sum(total <= most for total in pages)
    chosen = [db.id(raw) for raw, _ in rows[: max(1, light)]]
    if chosen:
        _hand_over(db, chosen, [run])
        condition, params = _of(db, "id", chosen)
        db.run(f"DELETE FROM signalbox_blob WHERE {condition} AND run = ?", [*params, Id(run)])
    return bool(chosen)


def delete_lines(db: Connection, runs: Sequence[str], before: datetime | None, most: int) -> int:
    """How many log lines of these runs, written before that moment, were deleted: at most so many."""
    with _transaction(db):
        return delete_lines_within(db, runs, before, most)


def delete_lines_within(db: Connection, runs: Sequence[str], before: datetime | None, most: int) -> int:
    """``delete_lines`` in a transaction that is open."""
    of_runs, ids = _of(db, "run", runs)
    condition, params = (of_runs, ids) if before is None else (f"{of_runs} AND at < ?", [*ids, before])
    inner = f"SELECT id FROM signalbox_log WHERE {condition} LIMIT ?"
    # The runs again: by them the partitions are chosen where the table has any.
    return db.touch(f"DELETE FROM signalbox_log WHERE {of_runs} AND id IN ({inner})", [*ids, *params, most])()


def delete_events(db: Connection, events: Sequence[str]) -> int:
    """How many of the events were deleted: those without a run."""
    condition, params = _of(db, "id", events)
    with _transaction(db):
        return db.touch(
            f"DELETE FROM signalbox_event WHERE {condition} AND routed_at IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM signalbox_run_event e WHERE e.event = signalbox_event.id)",
            params,
        )()


def record_pruning(db: Connection, env: int, *, actor: str, after: Mapping[str, Any]) -> None:
    """What somebody deleted by hand, in the record of who did what."""
    with _transaction(db):
        tx = Tx(db, "", system_clock.now())
        record_action(tx, env, "retention.prune", "", actor=actor, after=after)


@contextmanager
def _transaction(db: Connection) -> Iterator[None]:
    db.begin()
    try:
        if db.vendor == "postgresql":
            db.query(f"SELECT pg_advisory_xact_lock({ADVISORY_KEY})")
        yield
    except BaseException:
        db.rollback()
        raise
    db.commit()


def _lock_ended(db: Connection, runs: Sequence[str]) -> list[str]:
    """On PostgreSQL a run that somebody replays now is passed over."""
    condition, params = _of(db, "id", runs)
    lock = " FOR UPDATE SKIP LOCKED" if db.vendor == "postgresql" else ""
    rows = db.query(f"SELECT id FROM signalbox_run WHERE {condition} AND ended_at IS NOT NULL{lock}", params)
    return [db.id(row[0]) for row in rows]


def _hand_over_blobs(db: Connection, gone: Sequence[str]) -> None:
    """A parent's step refers to its child's blob, and a replay's steps to those of the run it was made from."""
    condition, params = _of(db, "run", gone)
    blobs = [db.id(row[0]) for row in db.query(f"SELECT id FROM signalbox_blob WHERE {condition}", params)]
    if blobs:
        _hand_over(db, blobs, gone)


def _hand_over(db: Connection, blobs: Sequence[str], gone: Sequence[str]) -> None:
    condition, params = _of(db, "blob", blobs)
    rows = db.query(f"SELECT blob, run FROM signalbox_attempt WHERE {condition}", params)
    heirs = {db.id(blob): run for blob, raw in rows if (run := db.id(raw)) not in set(gone)}
    for blob, run in sorted(heirs.items()):
        db.run("UPDATE signalbox_blob SET run = ? WHERE id = ?", [Id(run), Id(blob)])


def _of(db: Connection, column: str, ids: Sequence[str]) -> tuple[str, list[Any]]:
    return db.any_of(column, [Id(id) for id in ids])
