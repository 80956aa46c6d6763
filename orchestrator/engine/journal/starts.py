"""Events and calls: used keys, rows, and the waits that an event settles."""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from orchestrator.engine.births import add_runs
from orchestrator.engine.gate_rows import add_skips
from orchestrator.engine.gating import lock_gates
from orchestrator.engine.journal.cancelling import cancel_runs
from orchestrator.engine.journal.items import NewRun, Start
from orchestrator.engine.journal.names import ask_cancelling, ask_waited
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.journal.waits import match_waits
from orchestrator.engine.rows import EventRow
from orchestrator.engine.sql import Id


def apply_starts(tx: Tx, starts: Sequence[Start]) -> None:
    """Stores the events with all their runs, and leaves a message for every run that waited for one of them."""
    gates = lock_gates(tx, starts)
    new = _without_seeded_repeats(tx, starts)
    _use_keys(tx, [start for start in new if start.key is not None])
    if gates is not None:
        gates.decide([start for start in new if not start.repeated])
        _keep_answers(tx, new)
    events: list[Start] = []
    runs: list[NewRun] = []
    for start in new:
        if start.repeated:
            tx.effects.refused.extend(start.runs)
            continue
        if start.event is not None and start.event.routed_at is not None:
            events.append(start)
        runs += gates.inserts(start) if gates is not None else start.runs
    # One way to the database and back, together with what limits of the runs are asked.
    cancelling, waited = ask_cancelling(tx, events), ask_waited(tx, events)
    add_runs(tx, runs)
    unfinished = match_waits(tx, events, waited)
    cancel_runs(tx, events, cancelling)
    for start in new:
        if start.event is not None and (start.store_repeats or not start.repeated):
            event = _with_skips(start, start.event) if start.turned else start.event
            tx.add(event._replace(routed_at=None) if event.id in unfinished else event)


def _with_skips(start: Start, event: EventRow) -> EventRow:
    """It also tells what gates decided."""
    return event._replace(skipped=orjson.dumps([*orjson.loads(event.skipped or "[]"), *start.turned]).decode())


def _keep_answers(tx: Tx, starts: Sequence[Start]) -> None:
    """The key of a call stands for the run that was joined."""
    for start in starts:
        if start.event is None and start.key is not None and start.joined and not start.repeated:
            tx.db.run(
                "UPDATE signalbox_idempotency SET ref = ? WHERE env = ? AND scope = ? AND key = ?",
                [Id(start.ref), start.key.env, start.key.scope, start.key.key],
            )


def _without_seeded_repeats(tx: Tx, starts: Sequence[Start]) -> list[Start]:
    """Events that a retry of the same request sends again are there already, under the same ids."""
    for start in starts:
        start.repeated = False  # a batch that failed is applied again
        start.turned, start.joined = [], {}
    seeded = [start for start in starts if start.seed is not None]
    if not seeded:
        return list(starts)
    for start, free in zip(seeded, tx.db.use_keys([s.seed for s in seeded if s.seed is not None]), strict=True):
        start.repeated = not free
        if start.repeated:
            tx.effects.refused.extend(start.runs)
    return [start for start in starts if not start.repeated]


def _use_keys(tx: Tx, starts: Sequence[Start]) -> None:
    if not starts:
        return
    keys = [start.key for start in starts if start.key is not None]
    for start, key, free in zip(starts, keys, tx.db.use_keys(keys), strict=True):
        if free:
            continue
        [(ref,)] = tx.db.query(
            "SELECT ref FROM signalbox_idempotency WHERE env = ? AND scope = ? AND key = ?",
            [key.env, key.scope, key.key],
        )
        start.repeated = True
        if start.store_repeats and start.event is not None:
            start.event = start.event._replace(duplicate_of=tx.db.id(ref), skipped=None)
        else:
            start.ref = tx.db.id(ref)


def route_stored(tx: Tx, starts: Sequence[Start]) -> None:
    """Routes events that were stored in authors' transactions, but those that somebody else did."""
    gates = lock_gates(tx, starts)
    ours = [start for start in starts if _mark_routed(tx, start)]
    if gates is not None:
        gates.decide(ours)
        add_skips(tx, {start.event.id: start.turned for start in ours if start.event and start.turned})
    add_runs(tx, [new for start in ours for new in (start.runs if gates is None else gates.inserts(start))])
    routed = [replace(start, event=start.event._replace(routed_at=tx.now)) for start in ours if start.event]
    cancelling, waited = ask_cancelling(tx, routed), ask_waited(tx, routed)
    cancel_runs(tx, routed, cancelling)
    for event in match_waits(tx, routed, waited):
        tx.db.run("UPDATE signalbox_event SET routed_at = NULL WHERE id = ?", [Id(event)])


def _mark_routed(tx: Tx, start: Start) -> bool:
    event = start.event
    assert event is not None
    sql = "UPDATE signalbox_event SET routed_at = ?, skipped = CAST(? AS {}) WHERE id = ? AND routed_at IS NULL"
    sql = sql.format("json" if tx.db.vendor == "postgresql" else "text")
    return tx.db.touch(sql, [tx.now, event.skipped, Id(event.id)])() == 1
