"""Deadlines that have passed: runs that have not started expire, those that go on are unwound. In the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from orchestrator.core.deadlines import DeadlineKind, missed
from orchestrator.core.ops import MessageKind, Status
from orchestrator.engine.endings import TIMEOUT, end_checkpoint
from orchestrator.engine.journal.checkpoints import apply_checkpoints
from orchestrator.engine.journal.items import Checkpoint
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.loading import load_facts
from orchestrator.engine.rows import InboxRow
from orchestrator.engine.sql import Id

AT_ONCE = 500  # deadlines of one transaction
SOON = timedelta(seconds=3)  # those that come later are found by a sweep in time


@dataclass(frozen=True, slots=True)
class Locked:
    """``waits``: nobody has ever held it."""

    id: str
    waits: bool
    ended: bool
    due_at: datetime | None


def meet_deadlines(tx: Tx) -> bool:
    """Does what is due by now; whether there may be more."""
    rows = tx.db.query(
        f"SELECT run, kind, allowed_ms FROM signalbox_deadline WHERE at <= ? ORDER BY at LIMIT {AT_ONCE}", [tx.now]
    )
    due = [(tx.db.id(run), DeadlineKind(kind), ms / 1000) for run, kind, ms in rows]
    runs = _lock(tx, sorted({run for run, _, _ in due})) if due else {}
    met = [(run, kind, seconds) for run, kind, seconds in due if run in runs and _comes(tx, runs[run], kind, seconds)]
    _expire(tx, {run: seconds for run, kind, seconds in met if kind is DeadlineKind.START and runs[run].waits})
    for run, kind, seconds in met:
        if kind is DeadlineKind.FINISH and not runs[run].ended:
            tx.add(InboxRow(run, "cancel", MessageKind.CANCEL, _request(seconds), tx.now))
        tx.db.run("DELETE FROM signalbox_deadline WHERE run = ? AND kind = ?", [Id(run), kind.value])
    return len(due) == AT_ONCE and bool(runs)


def _comes(tx: Tx, run: Locked, kind: DeadlineKind, seconds: float) -> bool:
    """Whether it has come; the time to start of a run that is delayed begins when it may start."""
    if kind is not DeadlineKind.START or not run.waits or run.due_at is None or run.due_at <= tx.now:
        return True
    at = run.due_at + timedelta(seconds=seconds)
    tx.db.run("UPDATE signalbox_deadline SET at = ? WHERE run = ? AND kind = ?", [at, Id(run.id), kind.value])
    return False


def _request(seconds: float) -> str:
    error = missed(DeadlineKind.FINISH, seconds)
    return orjson.dumps({"reason": error.message, TIMEOUT: seconds}).decode()


def _lock(tx: Tx, runs: Sequence[str]) -> dict[str, Locked]:
    """The runs; one that somebody else writes now is left for the next look."""
    condition, params = tx.db.any_of("id", [Id(run) for run in runs])
    lock = " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED" if tx.db.vendor == "postgresql" else ""
    rows = tx.db.query(f"SELECT id, started_at, ended_at, due_at FROM signalbox_run WHERE {condition}{lock}", params)
    found = [
        Locked(tx.db.id(id_), started_at is None and ended_at is None, ended_at is not None, tx.db.moment(due_at))
        for id_, started_at, ended_at, due_at in rows
    ]
    return {run.id: run for run in found}


def _expire(tx: Tx, runs: Mapping[str, float]) -> None:
    """Takes over runs that nobody has ever held and ends them."""
    if not runs:
        return
    condition, params = tx.db.any_of("id", [Id(run) for run in runs])
    tx.db.run(
        f"UPDATE signalbox_run SET fence = fence + 1, owner = ?, gate = NULL WHERE {condition}", [Id(tx.owner), *params]
    )
    checkpoints = []
    for facts in load_facts(tx, list(runs)):
        checkpoint = Checkpoint(facts.id, facts.fence)
        error = missed(DeadlineKind.START, runs[facts.id])
        end_checkpoint(checkpoint, facts, Status.EXPIRED, tx.now, error=error, cancel_children=False)
        checkpoints.append(checkpoint)
    apply_checkpoints(tx, checkpoints)


def deadlines_soon(tx: Tx) -> list[datetime]:
    """Those that come before the next sweep, and those that are due."""
    rows = tx.db.query(
        f"SELECT DISTINCT at FROM signalbox_deadline WHERE at <= ? ORDER BY at LIMIT {AT_ONCE}",
        [tx.now + SOON],
    )
    return [moment for (raw,) in rows if (moment := tx.db.moment(raw)) is not None]


def tidy_terms(tx: Tx) -> None:
    """Deletes what may have stayed of runs that have ended."""
    for table in ("signalbox_deadline", "signalbox_cancel_on"):
        tx.db.run(
            f"DELETE FROM {table} WHERE run IN (SELECT t.run FROM {table} t"
            " LEFT JOIN signalbox_run r ON r.id = t.run WHERE r.id IS NULL OR r.ended_at IS NOT NULL)"
        )
