"""Events: sending them, what was sent, and what it started."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from orchestrator.api.auth import caller_of
from orchestrator.api.queries.events import ensure_event, get_event, list_events
from orchestrator.api.queries.run_filter import RunFilter
from orchestrator.api.queries.runs import list_runs
from orchestrator.api.requests import Cursor, Limit, PathId, RetriggerBody
from orchestrator.api.text import EventName
from orchestrator.api.values import Event, EventId, EventIds, Page, Run
from orchestrator.api.wire import JSON, json_response
from orchestrator.conf import settings
from orchestrator.core.events import parse_events
from orchestrator.engine.ingest import IngestMode, send_events
from orchestrator.engine.replay import UNCHANGED, retrigger_event

router = Router(tags=["events"])

SENT_EVENT = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 512},
        "data": {"type": "object"},
        "id": {"type": "string", "maxLength": 255, "description": "Sent again with the same id, it is stored once."},
        "ts": {"type": "integer", "description": "When it happened, in milliseconds since 1970; now if left out."},
        "user": {"type": "object"},
        "v": {"type": "string", "description": "Version of the data's form."},
    },
}
SENT_EVENTS = {"oneOf": [SENT_EVENT, {"type": "array", "items": SENT_EVENT}]}


@router.post(
    "",
    response=EventIds,
    operation_id="send_events",
    summary="Send events",
    openapi_extra={"requestBody": {"required": True, "content": {JSON: {"schema": SENT_EVENTS}}}},
)
def send(request: HttpRequest) -> HttpResponse:
    """Stores one event or a list of them with all the runs they start: all or, if one is wrong, none."""
    caller = caller_of(request)
    limit_bytes = settings().max_body_bytes
    parsed = parse_events(
        request.read(limit_bytes + 1), max_bytes=limit_bytes, max_event_bytes=settings().max_event_bytes
    )
    if parsed.error is not None:
        raise parsed.error
    ids = send_events(parsed.events, env=caller.env, mode=IngestMode.API, source="api")
    return json_response(EventIds(list(ids)))


@router.get("", response=Page[Event], operation_id="list_events", summary="List events")
def list_(
    request: HttpRequest,
    *,
    name: Annotated[EventName | None, Query(description="Events of exactly this name.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> HttpResponse:
    """Events, newest first."""
    return json_response(list_events(caller_of(request).env, name=name, cursor=cursor, limit=limit))


@router.get("/{id}", response=Event, operation_id="get_event", summary="Get an event")
def get(request: HttpRequest, id: PathId) -> HttpResponse:
    """One event, with the functions that listen to it and did not start."""
    return json_response(get_event(caller_of(request).env, id))


@router.get("/{id}/runs", response=Page[Run], operation_id="list_event_runs", summary="List its runs")
def runs(request: HttpRequest, id: PathId, cursor: Cursor = None, limit: Limit = 50) -> HttpResponse:
    """The runs an event started, newest first, without their steps."""
    env = caller_of(request).env
    ensure_event(env, id)
    return json_response(list_runs(env, RunFilter(event_id=id), cursor=cursor, limit=limit))


@router.post("/{id}/retrigger", response=EventId, operation_id="retrigger_event", summary="Send an event again")
def retrigger(request: HttpRequest, id: PathId, body: RetriggerBody | None = None) -> HttpResponse:
    """Sends an event once more, with other data if you like; answers the new event's id."""
    caller = caller_of(request)
    ensure_event(caller.env, id)
    data = body.data if body is not None and "data" in body.model_fields_set else UNCHANGED
    return json_response(EventId(retrigger_event(id, data=data, actor=caller.actor)))
