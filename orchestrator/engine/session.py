"""Worker sessions: registering one, and giving away what dead ones held. Run in the journal."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from orchestrator.engine.journal.items import Entry
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.sql import Id

TIMERS_AT_ONCE = 2000  # the next sweep comes long before they are used up


@dataclass(frozen=True, slots=True)
class Registering:
    """Inserts this session's row. ``sole``: no other session can live (the engine's lock is ours).

    ``concurrency``: how many runs it executes at once.
    """

    id: str
    queues: Sequence[str]
    seconds: float
    sole: bool
    version: str = ""
    concurrency: int = 0

    def __call__(self, tx: Tx) -> None:
        if self.sole:
            tx.db.run("UPDATE signalbox_worker SET expires_at = ?", [tx.now - timedelta(seconds=1)])
        json = "json" if tx.db.vendor == "postgresql" else "text"
        tx.db.run(
            "INSERT INTO signalbox_worker (id, host, pid, boot, started_at, version, queues, expires_at, batch,"
            f" concurrency) VALUES (?, ?, ?, '', ?, ?, CAST(? AS {json}), ?, 0, ?)",
            [
                Id(self.id),
                socket.gethostname()[:255],
                os.getpid(),
                tx.now,
                self.version,
                orjson.dumps(list(self.queues)).decode(),
                tx.now + timedelta(seconds=self.seconds),
                self.concurrency,
            ],
        )
        tx.db.renew(self.id, self.seconds, tx.now)


def recover(tx: Tx) -> int:
    """Gives away the runs of dead sessions, in the transaction that buries them; how many runs."""
    return sum(_give_away(tx, worker) for worker in [*tx.db.reap(tx.now, tx.owner), *_unknown_owners(tx)])


def _unknown_owners(tx: Tx) -> list[str]:
    """Sessions that hold runs without a row: nobody else would find what they began after their end."""
    rows = tx.db.query(
        "SELECT DISTINCT owner FROM signalbox_run WHERE owner IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM signalbox_worker w WHERE w.id = signalbox_run.owner)"
    )
    return [tx.db.id(owner) for (owner,) in rows]


def _give_away(tx: Tx, worker: str) -> int:
    runs = tx.db.query(
        "UPDATE signalbox_run SET owner = NULL, fence = fence + 1, seq = seq + 1, status = 'queued',"
        " lost = lost + 1, due_at = NULL WHERE owner = ? RETURNING id, seq",
        [Id(worker)],
    )
    tx.free_slots([tx.db.id(raw) for raw, _ in runs])
    for raw, seq in runs:
        run = tx.db.id(raw)
        data = orjson.dumps({"worker": worker}).decode()
        tx.number(run, seq - 1, [Entry("run.recovered", tx.now, data=data)], "queued")
        tx.db.run(
            "UPDATE signalbox_attempt SET status = 'lost', ended_at = ? WHERE run = ? AND status = 'running'",
            [tx.now, Id(run)],
        )
    tx.effects.ready += len(runs)
    return len(runs)


def leave(tx: Tx, worker: str) -> None:
    """The session's end: what it could not give back in time is given away."""
    _give_away(tx, worker)
    tx.db.run("DELETE FROM signalbox_worker WHERE id = ?", [Id(worker)])


def tidy(tx: Tx) -> None:
    """Messages and unread signals of runs that have ended; keys, and memories of gates, whose life is over."""
    # First, as everywhere: before keys.
    tx.db.run("DELETE FROM signalbox_limit WHERE expires_at < ? AND held_at IS NULL", [tx.now])
    for table in ("signalbox_inbox", "signalbox_mail"):
        tx.db.run(
            f"DELETE FROM {table} WHERE run IN (SELECT r.id FROM signalbox_run r"
            f" WHERE r.id IN (SELECT run FROM {table}) AND r.ended_at IS NOT NULL)"
        )
    tx.db.run("DELETE FROM signalbox_idempotency WHERE expires_at < ?", [tx.now])


def held_with_messages(tx: Tx, owner: str) -> dict[str, int]:
    """Runs of this session with something in their inbox (a bell was lost), by run and fence."""
    rows = tx.db.query(
        "SELECT id, fence FROM signalbox_run WHERE owner = ? AND id IN (SELECT run FROM signalbox_inbox)", [Id(owner)]
    )
    return {tx.db.id(run): fence for run, fence in rows}


def due_soon(tx: Tx, horizon: timedelta) -> list[datetime]:
    """When the timers of resting runs are due, of those that come within the horizon; one moment for many runs."""
    rows = tx.db.query(
        "SELECT DISTINCT due_at FROM signalbox_run WHERE owner IS NULL AND due_at > ? AND due_at <= ?"
        f" ORDER BY due_at LIMIT {TIMERS_AT_ONCE}",
        [tx.now, tx.now + horizon],
    )
    return [moment for (raw,) in rows if (moment := tx.db.moment(raw)) is not None]
