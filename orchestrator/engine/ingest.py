"""Events from outside: stored with all their runs before anybody is told that they were accepted."""

from collections.abc import Sequence
from enum import StrEnum

from django.db import connections, transaction

from orchestrator.core.events import IncomingEvent
from orchestrator.engine.journal.items import Ingest, Start
from orchestrator.engine.rows import KeyRow
from orchestrator.engine.runtime import Runtime, current
from orchestrator.engine.starting import KEY_LIFE, Starting, envelope, event_key, event_row
from orchestrator.models import Event


class IngestMode(StrEnum):
    """What a repeated event id means: ours answers the first one's id, Inngest's stores it and starts nothing."""

    API = "api"
    INNGEST = "inngest"


def send_events(
    events: Sequence[IncomingEvent],
    *,
    env: int = 1,
    mode: IngestMode = IngestMode.API,
    source: str = "api",
    ids: Sequence[str] | None = None,
) -> list[str]:
    """Ids of the events, after one commit of all of them with all their runs.

    Inside ``transaction.atomic()`` the events are written by that transaction and routed once it has committed.
    Raises Unserialisable, EngineUnavailable.
    """
    runtime = current()
    if connections[runtime.settings.database].in_atomic_block and not runtime.nested:
        return _send_in_transaction(runtime, events, env, source, ids)
    item = Ingest(build_starts(runtime.starting, events, env=env, mode=mode, source=source, ids=ids))
    return _ids(runtime.commit(item))


async def asend_events(
    events: Sequence[IncomingEvent],
    *,
    env: int = 1,
    mode: IngestMode = IngestMode.API,
    source: str = "api",
    ids: Sequence[str] | None = None,
) -> list[str]:
    """``send_events`` for async code."""
    runtime = current()
    item = Ingest(build_starts(runtime.starting, events, env=env, mode=mode, source=source, ids=ids))
    return _ids(await runtime.acommit(item))


def build_starts(
    starting: Starting,
    events: Sequence[IncomingEvent],
    *,
    env: int = 1,
    mode: IngestMode = IngestMode.API,
    source: str = "api",
    ids: Sequence[str] | None = None,
) -> list[Start]:
    """The events with their runs, as values."""
    now = starting.clock.now()
    starts = []
    for n, event in enumerate(events):
        row = event_row(
            ids[n] if ids else starting.clock.new_id(),
            env,
            event.name,
            event.data,
            now,
            ts=event.ts,
            user=event.user,
            v=event.v,
            external_id=event.id,
            source=source,
        )
        key = event_key(env, event.id, row.id, now)
        start = starting.event(row, envelope(row, event.data), key=key, store_repeats=mode is IngestMode.INNGEST)
        if ids:
            start.seed = KeyRow(env, "event-seed", row.id, row.id, now + KEY_LIFE)
        starts.append(start)
    return starts


def _ids(starts: Sequence[Start]) -> list[str]:
    return [start.ref for start in starts]


def _send_in_transaction(
    runtime: Runtime, events: Sequence[IncomingEvent], env: int, source: str, ids: Sequence[str] | None
) -> list[str]:
    """An outbox: the rows belong to the author's transaction; they are routed in one of ours after it committed."""
    now = runtime.clock.now()
    rows = [
        Event(
            id=ids[n] if ids else runtime.clock.new_id(),
            env=env,
            name=event.name,
            data=event.data,
            user=event.user,
            v=event.v,
            ts=event.ts or now,
            external_id=event.id,
            source=source,
            received_at=now,
        )
        for n, event in enumerate(events)
    ]
    database = runtime.settings.database
    Event.objects.using(database).bulk_create(rows)
    transaction.on_commit(runtime.route_soon, using=database)
    return [row.id for row in rows]
