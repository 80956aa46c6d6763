"""Deleting what is no longer kept, each function one transaction. A run goes whole, with all that hangs on it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from django.apps import apps

from orchestrator.engine.audit import record_action
from orchestrator.engine.clock import system_clock
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.sql import Connection, Id

# Of all deletions in a PostgreSQL database: two at once could each leave a shared blob to the other's run.
ADVISORY_KEY = 0x5167_626F_7800
HISTORY = ("signalbox_log", "signalbox_journal")  # what a replay does not read


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


def delete_history(db: Connection, run: str, most: int) -> bool:
    """The log lines and journal of a run, at most so many rows of each; whether there may be more."""
    with _transaction(db):
        if not _lock_ended(db, [run]):
            return False
        lines = delete_lines_within(db, [run], None, most)
        entries = db.touch(
            "DELETE FROM signalbox_journal WHERE run = ? AND seq <= (SELECT max(seq) FROM"
            " (SELECT seq FROM signalbox_journal WHERE run = ? ORDER BY seq LIMIT ?) AS first)",
            [Id(run), Id(run), most],
        )()
    return max(lines, entries) >= most


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
    if not blobs:
        return
    condition, params = _of(db, "blob", blobs)
    rows = db.query(f"SELECT blob, run FROM signalbox_attempt WHERE {condition}", params)
    heirs = {db.id(blob): run for blob, raw in rows if (run := db.id(raw)) not in set(gone)}
    for blob, run in sorted(heirs.items()):
        db.run("UPDATE signalbox_blob SET run = ? WHERE id = ?", [Id(run), Id(blob)])


def _of(db: Connection, column: str, ids: Sequence[str]) -> tuple[str, list[Any]]:
    return db.any_of(column, [Id(id) for id in ids])
