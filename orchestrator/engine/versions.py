"""Pinned runs go on with the version of the code that they began with, until somebody moves them to the latest."""

from orchestrator.core.errors import RunEnded, RunNotFound
from orchestrator.core.ids import parse_id
from orchestrator.engine.audit import record_action
from orchestrator.engine.journal.items import Call, Entry
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.runtime import current
from orchestrator.engine.sql import Id


def move_to_latest(run_id: str, *, actor: str = "", reason: str = "") -> None:
    """From its next claim on the run goes on with whatever version of the code a worker has.

    Raises RunNotFound, RunEnded, InvalidId.
    """
    run = parse_id(run_id)

    def apply(tx: Tx) -> None:
        known = tx.db.query("SELECT env, version, status, ended_at FROM signalbox_run WHERE id = ?", [Id(run)])
        if not known:
            raise RunNotFound(f"there is no run {run}")
        env, version, status, ended_at = known[0]
        if ended_at is not None:
            raise RunEnded(f"run {run} has ended already ({status})")
        rows = tx.db.query(
            "UPDATE signalbox_run SET version = '', seq = seq + 1 WHERE id = ? AND version <> '' RETURNING seq",
            [Id(run)],
        )
        for (seq,) in rows:
            tx.number(run, seq - 1, [Entry("run.unpinned", tx.now, actor=actor)], status)
            record_action(tx, env, "run.unpin", run, actor=actor, reason=reason, before={"version": version})
            tx.effects.ready += 1

    current().commit(Call(apply))
