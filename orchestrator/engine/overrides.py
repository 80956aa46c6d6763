"""Limits that operators set instead of the code: each is an audit row with what was before, and acts at once."""

from datetime import datetime
from typing import Any

from orchestrator.core.errors import InvalidInput
from orchestrator.core.moments import iso
from orchestrator.engine.audit import record_action
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.runtime import current
from orchestrator.engine.sql import Id

MOST = 1_000_000


def set_override(
    target: str,
    limit: int,
    *,
    env: int = 1,
    period: float | None = None,
    reason: str = "",
    expires_at: datetime | None = None,
    actor: str = "",
) -> None:
    """From the next admission on ``limit`` is in force for every value of the target's key, until ``expires_at``.

    ``period`` in seconds, for throttles. Raises InvalidInput.
    """
    if not 1 <= limit <= MOST:
        raise InvalidInput(f"a limit is a whole number from 1 to {MOST}, not {limit}: to stop a function, pause it")
    if period is not None and period <= 0:
        raise InvalidInput(f"a period is some seconds, not {period}")

    def apply(tx: Tx) -> None:
        before = _read(tx, env, target)
        tx.db.run(
            "INSERT INTO signalbox_limit_override"
            ' (id, env, target, "limit", period, reason, actor, created_at, expires_at)'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (env, target) DO UPDATE SET"
            ' "limit" = excluded."limit", period = excluded.period, reason = excluded.reason, actor = excluded.actor,'
            " created_at = excluded.created_at, expires_at = excluded.expires_at",
            [Id(current().clock.new_id()), env, target, limit, period, reason, actor, tx.now, expires_at],
        )
        after = {"limit": limit, "period": period, "expires_at": iso(expires_at) if expires_at else None}
        record_action(tx, env, "limit.override", target, actor=actor, reason=reason, before=before, after=after)
        _wake(tx, env, target)

    current().commit(Call(apply))


def clear_override(target: str, *, env: int = 1, reason: str = "", actor: str = "") -> bool:
    """The code's limit is in force again; whether there was an override."""

    def apply(tx: Tx) -> bool:
        before = _read(tx, env, target)
        if before is None:
            return False
        tx.db.run("DELETE FROM signalbox_limit_override WHERE env = ? AND target = ?", [env, target])
        record_action(tx, env, "limit.restore", target, actor=actor, reason=reason, before=before)
        _wake(tx, env, target)
        return True

    return bool(current().commit(Call(apply)))


def _read(tx: Tx, env: int, target: str) -> dict[str, Any] | None:
    rows = tx.db.query(
        'SELECT "limit", period, expires_at FROM signalbox_limit_override WHERE env = ? AND target = ?', [env, target]
    )
    for limit, period, expires_at in rows:
        moment = tx.db.moment(expires_at)
        return {"limit": limit, "period": period, "expires_at": iso(moment) if moment else None}
    return None


def _wake(tx: Tx, env: int, target: str) -> None:
    """Whoever waits there is looked at again."""
    held = "SELECT key FROM signalbox_limit WHERE env = ? AND target = ? AND held_at IS NOT NULL LIMIT 500"
    tx.effects.freed.update(key for (key,) in tx.db.query(held, [env, target]))
    tx.effects.ready += 1
