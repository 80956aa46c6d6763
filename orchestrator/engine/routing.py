"""The router: events that were stored inside authors' transactions get their runs, once each.

Events that more waits might take than one transaction asks are here too: it asks their waits, a slice at a time.
"""

import orjson

from orchestrator.engine.gating import lock_ahead
from orchestrator.engine.journal.items import Start
from orchestrator.engine.journal.starts import route_stored
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.journal.waits import Progress, go_on, progress_of
from orchestrator.engine.rows import EventRow
from orchestrator.engine.sql import Connection, Id
from orchestrator.engine.starting import Starting, envelope, event_key

SLICE = 200  # events in one transaction
COLUMNS = 'id, env, name, CAST(data AS text), CAST("user" AS text), v, ts, external_id, source, received_at'


def route_unrouted(tx: Tx, starting: Starting) -> bool:
    """Routes the oldest unrouted events, and asks one slice of waits; whether there may be more."""
    rows = tx.db.query(
        f"SELECT {COLUMNS} FROM signalbox_event WHERE routed_at IS NULL ORDER BY id LIMIT {SLICE}"
        + (" FOR UPDATE SKIP LOCKED" if tx.db.vendor == "postgresql" else "")
    )
    events = [_row(tx.db, values) for values in rows]
    begun: dict[str, Progress] = {}
    for env in {event.env for event in events}:
        begun |= progress_of(tx, env, [event.id for event in events if event.env == env])
    starts = [_start(tx, event, starting) for event in events if event.id not in begun]
    lock_ahead(tx, starts)  # before any key
    route_stored(tx, [start for start in starts if not _is_repeat(tx, start)])
    for event in [event for event in events if event.id in begun][:1]:
        go_on(tx, event, envelope(event, orjson.loads(event.data)), begun[event.id])
    return len(rows) == SLICE or bool(begun)


def _row(db: Connection, values: tuple[object, ...]) -> EventRow:
    id_, env, name, data, user, v, ts, external_id, source, received_at = values
    received = db.moment(received_at)
    moment = db.moment(ts)
    assert received is not None
    assert moment is not None
    return EventRow(
        id=db.id(id_),
        env=int(str(env)),
        name=str(name),
        data=str(data),
        user=None if user is None else str(user),
        v=None if v is None else str(v),
        ts=moment,
        external_id=None if external_id is None else str(external_id),
        duplicate_of=None,
        retrigger_of=None,
        source=str(source),
        source_run=None,
        skipped=None,
        received_at=received,
        routed_at=None,
    )


def _start(tx: Tx, row: EventRow, starting: Starting) -> Start:
    key = event_key(row.env, row.external_id, row.id, tx.now)
    return starting.event(row, envelope(row, orjson.loads(row.data)), key=key)


def _is_repeat(tx: Tx, start: Start) -> bool:
    """Whether an event of the same id was stored before: then it is told so, and starts nothing."""
    key, event = start.key, start.event
    assert event is not None
    if key is None or tx.db.use_keys([key])[0]:
        return False
    tx.db.run(
        "UPDATE signalbox_event SET routed_at = ?, duplicate_of = (SELECT ref FROM signalbox_idempotency"
        " WHERE env = ? AND scope = ? AND key = ?) WHERE routed_at IS NULL AND id = ?",
        [tx.now, key.env, key.scope, key.key, Id(event.id)],
    )
    return True
