"""What operators and other programs ask of a run. Each is one transaction of the journal, with its audit row."""

from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.core.errors import RunEnded, RunNotFound
from orchestrator.core.ops import MessageKind, Status
from orchestrator.engine.endings import end_checkpoint
from orchestrator.engine.journal.checkpoints import apply_checkpoints
from orchestrator.engine.journal.items import Checkpoint
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.loading import load_facts
from orchestrator.engine.rows import InboxRow
from orchestrator.engine.sql import Id


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and why."""

    name: str = ""
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"actor": self.name, "reason": self.reason}


def leave_message(tx: Tx, run: str, kind: MessageKind, dedup: str, data: dict[str, Any]) -> int:
    """A row in the inbox of a run that has not ended; its environment. Raises RunNotFound, RunEnded."""
    lock = " FOR KEY SHARE" if tx.db.vendor == "postgresql" else ""
    rows = tx.db.query(f"SELECT env, status, ended_at FROM signalbox_run WHERE id = ?{lock}", [Id(run)])
    if not rows:
        raise RunNotFound(f"there is no run {run}")
    env, status, ended_at = rows[0]
    if ended_at is not None:
        raise RunEnded(f"run {run} has ended already ({status})")
    tx.add(InboxRow(run, dedup, kind, orjson.dumps(data).decode(), tx.now))
    return int(env)


def terminate(tx: Tx, run: str, actor: Actor) -> int:
    """Takes the run over from whoever holds it and ends it: the author's code has no say; its environment.

    Raises RunNotFound, RunEnded.
    """
    rows = tx.db.query(
        "UPDATE signalbox_run SET fence = fence + 1, owner = ?, gate = NULL"
        " WHERE id = ? AND ended_at IS NULL RETURNING status",
        [Id(tx.owner), Id(run)],
    )
    if not rows:
        known = tx.db.query("SELECT status FROM signalbox_run WHERE id = ?", [Id(run)])
        if not known:
            raise RunNotFound(f"there is no run {run}")
        raise RunEnded(f"run {run} has ended already ({known[0][0]})")
    [facts] = load_facts(tx, [run])
    checkpoint = Checkpoint(run, facts.fence)
    data = {**actor.to_json(), "terminated": True}
    end_checkpoint(checkpoint, facts, Status.CANCELLED, tx.now, actor=actor.name, data=data)
    apply_checkpoints(tx, [checkpoint])
    return facts.env
