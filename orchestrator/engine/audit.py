"""The record of what operators did, in the transaction that does it."""

from typing import Any

import orjson

from orchestrator.engine.clock import system_clock
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.sql import Id


def record_action(
    tx: Tx,
    env: int,
    action: str,
    target: str,
    *,
    actor: str,
    reason: str = "",
    before: Any = None,
    after: Any = None,
) -> None:
    """One row: who did what, to what, why, and what came of it."""
    json = "json" if tx.db.vendor == "postgresql" else "text"
    tx.db.run(
        "INSERT INTO signalbox_audit (id, env, at, actor, action, target, reason, before, after)"
        f" VALUES (?, ?, ?, ?, ?, ?, ?, CAST(? AS {json}), CAST(? AS {json}))",
        [
            Id(system_clock.new_id()),
            env,
            tx.now,
            actor[:150],
            action,
            target,
            reason,
            None if before is None else orjson.dumps(before).decode(),
            None if after is None else orjson.dumps(after).decode(),
        ],
    )
