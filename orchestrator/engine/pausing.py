"""Runs that a pause holds back: put at its gate, where no claim walks past them, and let go after it. In the journal.

A claim reads the pauses each time; between two claims ``Pauses`` remembers them for runs that would begin at once.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from orchestrator.core.pausing import Paused, PauseKind
from orchestrator.engine.holding import hold, let_go
from orchestrator.engine.journal.tx import Tx

AT_ONCE = 1000  # runs put at a gate or let go in one transaction
KEPT = timedelta(seconds=30)  # by then every process has heard of the end of a pause


class Pauses:
    """What is paused, as of the last look. After ``forget`` nothing begins at once until the next one."""

    def __init__(self) -> None:
        self._known: Sequence[Paused] | None = ()

    def forget(self) -> None:
        self._known = None

    def look(self, tx: Tx) -> Sequence[Paused]:
        self._known = read_pauses(tx)
        return self._known

    def admit(self, env: int, function: str, queue: str) -> bool:
        known = self._known
        return known is not None and not any(paused.holds(env, function, queue) for paused in known)


def read_pauses(tx: Tx) -> list[Paused]:
    rows = tx.db.query("SELECT env, kind, name FROM signalbox_pause WHERE resumed_at IS NULL ORDER BY key")
    return [Paused(env, PauseKind(kind), name) for env, kind, name in rows]


def held_by(pauses: Iterable[Paused]) -> tuple[str, list[Any]]:
    """The condition that any of these holds a run, and its parameters."""
    conditions: list[str] = []
    params: list[Any] = []
    for paused in pauses:
        match paused.kind:
            case PauseKind.ENVIRONMENT:
                conditions.append("env = ?")
                params += [paused.env]
            case PauseKind.QUEUE | PauseKind.FUNCTION:
                conditions.append(f"(env = ? AND {paused.kind} = ?)")
                params += [paused.env, paused.name]
    return f"({' OR '.join(conditions)})", params


def hold_paused(tx: Tx, pauses: Sequence[Paused], ready: Iterable[tuple[str, Sequence[Any]]]) -> None:
    """Puts runs that could go on, by one of the conditions, at the gates of their pauses: first those that are next."""
    held, more = held_by(pauses)
    for condition, params in ready:
        found = tx.db.query(
            "SELECT id, env, function, queue, status FROM (SELECT id, env, function, queue, status FROM signalbox_run"
            f" WHERE owner IS NULL AND gate IS NULL AND {condition} ORDER BY prio LIMIT {AT_ONCE}) AS next"
            f" WHERE {held} ORDER BY id",
            [*params, *more],
        )
        gates: dict[str, dict[str, bool]] = {}
        for id_, env, function, queue, status in found:
            key = next(paused.key for paused in pauses if paused.holds(env, function, queue))
            gates.setdefault(key, {})[tx.db.id(id_)] = status != "queued"
        for key, runs in sorted(gates.items()):
            hold(tx, key, runs, {"pause": key})


def let_more_go(tx: Tx, key: str) -> bool:
    """Takes the next runs away from a gate whose pause is over; whether there may be more."""
    return let_go(tx, key, AT_ONCE) == AT_ONCE


def let_resumed_go(tx: Tx) -> None:
    """The sweep: what a resume has not let go, and what processes that had not heard of it have put there since."""
    for (key,) in tx.db.query("SELECT key FROM signalbox_pause WHERE resumed_at IS NOT NULL ORDER BY key"):
        if not let_more_go(tx, key):
            tx.db.run(
                "DELETE FROM signalbox_pause WHERE key = ? AND resumed_at < ?"
                " AND NOT EXISTS (SELECT 1 FROM signalbox_run WHERE gate = ?)",
                [key, tx.now - KEPT, key],
            )
