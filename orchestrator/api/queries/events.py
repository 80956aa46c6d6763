"""Events as answers."""

from orchestrator.api.cursors import id_position, read_cursor
from orchestrator.api.queries.missing import no_event
from orchestrator.api.queries.rows import page, rows, take
from orchestrator.api.values import Event, Page, Skipped
from orchestrator.core.errors import EventNotFound
from orchestrator.models import Event as EventRow


def list_events(env: int, *, name: str | None = None, cursor: str | None = None, limit: int = 50) -> Page[Event]:
    """Events, newest first. One query. Raises InvalidCursor."""
    found = rows(EventRow).filter(env=env).order_by("-id")
    if name is not None:
        found = found.filter(name=name)
    if (before := read_cursor("events", cursor, id_position)) is not None:
        found = found.filter(id__lt=before)
    shown, more = take(found, limit)
    return page("events", [_event(row) for row in shown], more, lambda event: event.id)


def get_event(env: int, event_id: str) -> Event:
    """One event. One query. Raises EventNotFound."""
    row = rows(EventRow).filter(env=env, id=event_id).first()
    if row is None:
        raise EventNotFound(no_event(env, event_id))
    return _event(row)


def ensure_event(env: int, event_id: str) -> None:
    """Raises EventNotFound unless the event is one of this environment."""
    if not rows(EventRow).filter(env=env, id=event_id).exists():
        raise EventNotFound(no_event(env, event_id))


def _event(row: EventRow) -> Event:
    return Event(
        id=row.id,
        name=row.name,
        data=row.data,
        user=row.user,
        v=row.v,
        ts=row.ts,
        external_id=row.external_id,
        duplicate_of=row.duplicate_of,
        retrigger_of=row.retrigger_of,
        source=row.source,
        source_run_id=row.source_run,
        skipped=[Skipped(each["function"], each["reason"], each.get("run")) for each in row.skipped or ()],
        received_at=row.received_at,
    )
