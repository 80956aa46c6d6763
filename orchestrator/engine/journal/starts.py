"""Events and calls: used keys, rows, and the waits that an event settles."""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from orchestrator.core import matching
from orchestrator.core.ops import MessageKind
from orchestrator.engine.journal.items import Start
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.rows import EventRow, InboxRow
from orchestrator.engine.sql import Id

KEYS_AT_ONCE = 500  # parameters of one statement


def apply_starts(tx: Tx, starts: Sequence[Start]) -> None:
    """Stores the events with all their runs, and leaves a message for every run that waited for one of them."""
    new = _without_seeded_repeats(tx, starts)
    _use_keys(tx, [start for start in new if start.key is not None])
    events: list[Start] = []
    for start in new:
        if start.event is not None and (start.store_repeats or not start.repeated):
            tx.add(start.event)
        if start.repeated:
            tx.effects.refused.extend(start.runs)
            continue
        if start.event is not None and start.event.routed_at is not None:
            events.append(start)
        for run in start.runs:
            tx.add_run(run)
    match_waits(tx, events)


def _without_seeded_repeats(tx: Tx, starts: Sequence[Start]) -> list[Start]:
    """Events that a retry of the same request sends again are there already, under the same ids."""
    for start in starts:
        start.repeated = False  # a batch that failed is applied again
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


def match_waits(tx: Tx, starts: Sequence[Start]) -> None:
    """One look for all names of the batch; most events have nobody waiting for their name."""
    if not starts:
        return
    waited = _waited(tx, list({(start.event.env, start.event.name) for start in starts if start.event}))
    for start in starts:
        if start.event and (start.event.env, start.event.name) in waited:
            _match_one(tx, start.event, dict(start.payload or {}))


def _waited(tx: Tx, names: list[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of the names, each with its environment, that anybody waits for."""
    names += names[-1:] * ((1 << (len(names) - 1).bit_length()) - len(names))  # few texts, so that they stay prepared
    values = ", ".join(["(CAST(? AS integer), CAST(? AS text))"] * len(names))
    found = tx.db.query(
        # Not EXISTS, of which PostgreSQL may make a join that reads every wait.
        f"SELECT column1, column2 FROM (VALUES {values}) AS v WHERE (SELECT 1 FROM signalbox_wait"
        " WHERE kind = 'event' AND env = column1 AND name = column2 LIMIT 1) = 1",
        [value for pair in names for value in pair],
    )
    return {(env, name) for env, name in found}


def _match_one(tx: Tx, event: EventRow, payload: dict[str, object]) -> None:
    keys = matching.equality_keys(payload)
    message = orjson.dumps(payload).decode()
    for start in range(0, len(keys), KEYS_AT_ONCE):
        condition, params = tx.db.any_of("eq", keys[start : start + KEYS_AT_ONCE])
        found = tx.db.query(
            "SELECT run, key, expr FROM signalbox_wait WHERE kind = 'event' AND env = ? AND name = ?"
            f" AND {condition} ORDER BY run, key",
            [event.env, event.name, *params],
        )
        for run, key, expr in found:
            if matching.accepts(expr, payload):
                tx.add(InboxRow(tx.db.id(run), f"step:{key}", MessageKind.EVENT, message, tx.now))


def route_stored(tx: Tx, start: Start) -> None:
    """Routes an event that was stored in an author's transaction, unless somebody else did."""
    event = start.event
    assert event is not None
    sql = "UPDATE signalbox_event SET routed_at = ?, skipped = CAST(? AS {}) WHERE id = ? AND routed_at IS NULL"
    sql = sql.format("json" if tx.db.vendor == "postgresql" else "text")
    if tx.db.touch(sql, [tx.now, event.skipped, Id(event.id)])() == 0:
        return
    for new in start.runs:
        tx.add_run(new)
    match_waits(tx, [replace(start, event=event._replace(routed_at=tx.now))])
