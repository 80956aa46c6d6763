"""Pauses: what is held back, and what an operator holds back or lets go."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from orchestrator.api.auth import caller_of
from orchestrator.api.pause_values import Pause, PauseBody, PauseTarget
from orchestrator.api.queries.pauses import list_pauses
from orchestrator.api.requests import Cursor, Limit
from orchestrator.api.values import Page
from orchestrator.api.wire import json_response
from orchestrator.engine.pauses import pause as begin_pause
from orchestrator.engine.pauses import resume as end_pause

router = Router(tags=["pauses"])


@router.get("", response=Page[Pause], operation_id="list_pauses", summary="List pauses")
def list_(request: HttpRequest, cursor: Cursor = None, limit: Limit = 50) -> HttpResponse:
    """Functions, queues and environments that are paused, each with the number of runs that wait for its end."""
    return json_response(list_pauses(caller_of(request).env, cursor=cursor, limit=limit))


@router.post("", response=PauseTarget, operation_id="pause", summary="Pause a function, a queue or the environment")
def pause(request: HttpRequest, body: PauseBody) -> HttpResponse:
    """No run of it starts or wakes from now on. What comes is queued; what executes goes on to its next rest."""
    caller = caller_of(request)
    begin_pause(body.kind, body.name, env=caller.env, note=body.note, actor=caller.actor)
    return json_response(PauseTarget(body.kind, body.name))


@router.post("/resume", response=PauseTarget, operation_id="resume", summary="Resume what was paused")
def resume(request: HttpRequest, body: PauseBody) -> HttpResponse:
    """All that waited goes on, in its order."""
    caller = caller_of(request)
    end_pause(body.kind, body.name, env=caller.env, note=body.note, actor=caller.actor)
    return json_response(PauseTarget(body.kind, body.name))
