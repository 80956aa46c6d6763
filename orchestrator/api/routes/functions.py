"""Functions: what is registered, and calls."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from ninja import Router

from orchestrator.api.auth import caller_of
from orchestrator.api.queries.functions import get_function, list_functions
from orchestrator.api.requests import Cursor, Limit, PathSlug, TriggerBody
from orchestrator.api.values import Function, Page, RunId
from orchestrator.api.wire import json_response
from orchestrator.engine.triggering import trigger as start_run

router = Router(tags=["functions"])


@router.get("", response=Page[Function], operation_id="list_functions", summary="List functions")
def list_(request: HttpRequest, cursor: Cursor = None, limit: Limit = 50) -> HttpResponse:
    """Registered functions and tasks, by id."""
    return json_response(list_functions(caller_of(request).env, datetime.now(UTC), cursor=cursor, limit=limit))


# Ids may hold slashes; this one first, or the other would take it for an id.
@router.post("/{path:id}/trigger", response=RunId, operation_id="trigger_function", summary="Trigger a function")
def trigger(request: HttpRequest, id: PathSlug, body: TriggerBody) -> HttpResponse:
    """Starts a run of a function with a payload of your own. Answers when the run is stored."""
    run_id = start_run(
        id, body.data, env=caller_of(request).env, idempotency_key=body.idempotency_key, delay=body.delay
    )
    return json_response(RunId(run_id))


@router.get("/{path:id}", response=Function, operation_id="get_function", summary="Get a function")
def get(request: HttpRequest, id: PathSlug) -> HttpResponse:
    """One function, also one whose code is gone."""
    return json_response(get_function(caller_of(request).env, id, datetime.now(UTC)))
