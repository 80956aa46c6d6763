"""Runs held at a gate: queued, but out of the index of ready runs until somebody lets them go. In the journal.

A gate is the key of a limit that is full, or of a pause.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from orchestrator.core.turns import Place, in_turn
from orchestrator.engine.journal.items import Entry
from orchestrator.engine.journal.tx import IDS_AT_ONCE, Tx
from orchestrator.engine.sql import Id

_Held = tuple[str, Place | None]  # a run, and whose turns it takes


def hold(tx: Tx, gate: str, runs: Mapping[str, bool], told: Mapping[str, Any]) -> None:
    """Puts runs that nobody holds at the gate: by id, whether each slept or waited until now.

    They are queued, whatever woke them; the history of those that rested tells why. A coroutine in memory stays there,
    since the fence does.
    """
    _put(tx, gate, [run for run, rested in runs.items() if not rested], "gate = ?")
    resting = "gate = ?, status = 'queued', due_at = NULL, seq = seq + 1"
    entry = Entry("run.queued", tx.now, data=orjson.dumps(told).decode())
    for run, seq in _put(tx, gate, [run for run, rested in runs.items() if rested], resting):
        tx.number(run, seq - 1, [entry], "queued")


def _put(tx: Tx, gate: str, runs: Iterable[str], change: str) -> list[tuple[str, int]]:
    ids = sorted(runs)
    put = []
    for start in range(0, len(ids), IDS_AT_ONCE):
        condition, params = tx.db.any_of("id", [Id(run) for run in ids[start : start + IDS_AT_ONCE]])
        put += tx.db.query(
            f"UPDATE signalbox_run SET {change} WHERE {condition} AND owner IS NULL AND gate IS NULL RETURNING id, seq",
            [gate, *params],
        )
    return [(tx.db.id(id_), seq) for id_, seq in put]


def let_go(tx: Tx, gate: str, most: int) -> int:
    """Takes so many runs away from the gate, those first that are next; how many there were."""
    runs = _next_at(tx, gate, most)
    for start in range(0, len(runs), IDS_AT_ONCE):
        condition, params = tx.db.any_of("id", runs[start : start + IDS_AT_ONCE])
        tx.db.run(f"UPDATE signalbox_run SET gate = NULL WHERE {condition}", params)
    tx.effects.ready += len(runs)
    return len(runs)


def _next_at(tx: Tx, gate: str, most: int) -> list[Id]:
    """Runs that wait there, locked, in the order in which they may go."""
    found = _select(tx, "gate = ?", [gate], "prio", most)

    def first(place: Place, count: int) -> list[_Held]:
        theirs = "gate = ? AND fair IS NOT NULL AND env = ? AND function = ? AND started_at IS NULL"
        return _select(tx, theirs, [gate, *place], "fair, prio", count)

    return [Id(run) for run, _ in in_turn(found, lambda held: held[1], first)]


def _select(tx: Tx, condition: str, params: Sequence[Any], order: str, most: int) -> list[_Held]:
    lock = " FOR NO KEY UPDATE SKIP LOCKED" if tx.db.vendor == "postgresql" else ""
    rows = tx.db.query(
        "SELECT id, env, function, fair IS NOT NULL AND started_at IS NULL FROM signalbox_run"
        f" WHERE {condition} AND owner IS NULL ORDER BY {order} LIMIT ?{lock}",
        [*params, most],
    )
    return [(tx.db.id(id_), (env, function) if turned else None) for id_, env, function, turned in rows]
