"""Events that cancel runs: each leaves a request to cancel in the transaction that routes it."""

from collections.abc import Mapping, Sequence

import orjson

from orchestrator.core import matching
from orchestrator.core.ops import MessageKind
from orchestrator.engine.journal.items import Start
from orchestrator.engine.journal.names import Answer, ask_cancelling
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.rows import CancelOnRow, EventRow, InboxRow

KEYS_AT_ONCE = 500  # parameters of one statement


def cancel_runs(tx: Tx, starts: Sequence[Start], cancelling: Answer) -> None:
    """Asks the runs that these events cancel to end."""
    if tx.holds(CancelOnRow):
        cancelling = ask_cancelling(tx, starts)  # an event may cancel a run that one before it has just started
    names = cancelling()
    if not names:
        return
    # Neither an event that came before nor the one that started it cancels a run.
    newer = {run: place for place, start in enumerate(starts) for run in start.run_ids}
    for place, start in enumerate(starts):
        event = start.event
        if event is not None and (event.env, event.name) in names:
            _cancel_by(tx, event, start.payload or {}, {run for run, at in newer.items() if at >= place})


def _cancel_by(tx: Tx, event: EventRow, payload: Mapping[str, object], newer: set[str]) -> None:
    data = {"actor": "", "reason": f"event {event.name} {event.id}", "event": event.id}
    message = orjson.dumps(data).decode()
    keys = matching.equality_keys(payload)
    for start in range(0, len(keys), KEYS_AT_ONCE):
        condition, params = tx.db.any_of("eq", keys[start : start + KEYS_AT_ONCE])
        found = tx.db.query(
            "SELECT run, expr FROM signalbox_cancel_on WHERE env = ? AND name = ?"
            f" AND {condition} AND created_at <= ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY run, n",
            [event.env, event.name, *params, event.received_at, event.received_at],
        )
        for raw, expr in found:
            run = tx.db.id(raw)
            if run not in newer and matching.accepts(expr, payload, tx.now):
                tx.add(InboxRow(run, "cancel", MessageKind.CANCEL, message, tx.now))
