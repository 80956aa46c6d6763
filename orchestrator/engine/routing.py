"""The router: events that were stored inside authors' transactions get their runs, once each."""

import orjson

from orchestrator.engine.journal.starts import route_stored
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.rows import EventRow
from orchestrator.engine.sql import Connection, Id
from orchestrator.engine.starting import Starting, envelope, event_key

SLICE = 200  # events in one transaction
COLUMNS = 'id, env, name, CAST(data AS text), CAST("user" AS text), v, ts, external_id, source, received_at'


def route_unrouted(tx: Tx, starting: Starting) -> bool:
    """Routes the oldest unrouted events; whether there may be more."""
    rows = tx.db.query(
        f"SELECT {COLUMNS} FROM signalbox_event WHERE routed_at IS NULL ORDER BY id LIMIT {SLICE}"
        + (" FOR UPDATE SKIP LOCKED" if tx.db.vendor == "postgresql" else "")
    )
    for values in rows:
        _route(tx, _row(tx.db, values), starting)
    return len(rows) == SLICE


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


def _route(tx: Tx, row: EventRow, starting: Starting) -> None:
    key = event_key(row.env, row.external_id, row.id, tx.now)
    if key is not None and not tx.db.use_keys([key])[0]:
        tx.db.run(
            "UPDATE signalbox_event SET routed_at = ?, duplicate_of = (SELECT ref FROM signalbox_idempotency"
            " WHERE env = ? AND scope = ? AND key = ?) WHERE routed_at IS NULL AND id = ?",
            [tx.now, key.env, key.scope, key.key, Id(row.id)],
        )
        return
    route_stored(tx, starting.event(row, envelope(row, orjson.loads(row.data))))
