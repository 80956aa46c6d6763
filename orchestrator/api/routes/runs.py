"""Runs: what they do and did, and what an operator does to them."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from orchestrator.api.auth import Caller, caller_of
from orchestrator.api.queries.history import list_history, list_logs
from orchestrator.api.queries.run_filter import RunFilter
from orchestrator.api.queries.runs import ensure_run, get_run, list_runs
from orchestrator.api.requests import Cursor, Limit, PathId, ReplayBody, SignalBody, StopBody, Wait
from orchestrator.api.text import EventName, MomentText, Name, UlidText
from orchestrator.api.values import Entry, LogLine, Page, Run, RunId
from orchestrator.api.wire import json_response
from orchestrator.core.ops import Status
from orchestrator.engine.cancel import cancel_run, terminate_run
from orchestrator.engine.replay import replay_run
from orchestrator.engine.signals import send_signal
from orchestrator.engine.versions import move_to_latest

router = Router(tags=["runs"])


@router.get("", response=Page[Run], operation_id="list_runs", summary="List runs")
def list_(
    request: HttpRequest,
    *,
    event_id: Annotated[UlidText | None, Query(description="Runs that this event started.")] = None,
    event_name: Annotated[EventName | None, Query(description="Runs that events of this name started.")] = None,
    function: Annotated[Name | None, Query(description="Runs of this function.")] = None,
    status: Annotated[list[Status], Query(description="May be given several times.")] = [],  # noqa: B006
    since: Annotated[MomentText | None, Query(description="Runs queued at or after it.")] = None,
    until: Annotated[MomentText | None, Query(description="Runs queued before it.")] = None,
    error: Annotated[
        Name | None, Query(description='Runs whose error, "type: message", has this text in it, in any case.')
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> HttpResponse:
    """Runs, newest first, without their steps: ``steps`` is empty here."""
    chosen = RunFilter(
        event_id=event_id,
        event_name=event_name,
        function=function,
        statuses=status,
        since=since,
        until=until,
        error=error,
    )
    return json_response(list_runs(caller_of(request).env, chosen, cursor=cursor, limit=limit))


@router.get("/{id}", response=Run, operation_id="get_run", summary="Get a run")
def get(request: HttpRequest, id: PathId, wait: Wait = 0) -> HttpResponse:
    """One run with its steps and their attempts. It may be answered before the wait is over: look at its status."""
    return json_response(get_run(caller_of(request).env, id))


@router.get("/{id}/history", response=Page[Entry], operation_id="get_run_history", summary="Get its history")
def history(request: HttpRequest, id: PathId, cursor: Cursor = None, limit: Limit = 50) -> HttpResponse:
    """What happened in a run, oldest first, without gaps."""
    ensure_run(caller_of(request).env, id)
    return json_response(list_history(id, cursor=cursor, limit=limit))


@router.get("/{id}/logs", response=Page[LogLine], operation_id="get_run_logs", summary="Get its logs")
def logs(
    request: HttpRequest,
    id: PathId,
    *,
    step_id: Annotated[Name | None, Query(description="Lines of this step only.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> HttpResponse:
    """What was logged and printed in a run, oldest first."""
    ensure_run(caller_of(request).env, id)
    return json_response(list_logs(id, step_id=step_id, cursor=cursor, limit=limit))


@router.post("/{id}/cancel", response=RunId, operation_id="cancel_run", summary="Cancel a run")
def cancel(request: HttpRequest, id: PathId, body: StopBody | None = None) -> HttpResponse:
    """Asks a run to stop: its code is given time to clean up, its children are cancelled too."""
    caller = _caller_with_run(request, id)
    cancel_run(id, actor=caller.actor, reason=body.reason if body else "")
    return json_response(RunId(id))


@router.post("/{id}/terminate", response=RunId, operation_id="terminate_run", summary="Terminate a run")
def terminate(request: HttpRequest, id: PathId, body: StopBody | None = None) -> HttpResponse:
    """Ends a run at once, without asking its code."""
    caller = _caller_with_run(request, id)
    terminate_run(id, actor=caller.actor, reason=body.reason if body else "")
    return json_response(RunId(id))


@router.post("/{id}/unpin", response=RunId, operation_id="unpin_run", summary="Move a run to the latest version")
def unpin(request: HttpRequest, id: PathId, body: StopBody | None = None) -> HttpResponse:
    """A pinned run goes on with whatever version of the code a worker has; others do so anyway."""
    caller = _caller_with_run(request, id)
    move_to_latest(id, actor=caller.actor, reason=body.reason if body else "")
    return json_response(RunId(id))


@router.post("/{id}/replay", response=RunId, operation_id="replay_run", summary="Replay a run")
def replay(request: HttpRequest, id: PathId, body: ReplayBody | None = None) -> HttpResponse:
    """Starts a new run on the same events; answers its id. The old run is not touched."""
    caller = _caller_with_run(request, id)
    asked = body or ReplayBody()
    new_run_id = replay_run(id, from_step=asked.from_step, data=asked.data, key=asked.key, actor=caller.actor)
    return json_response(RunId(new_run_id))


@router.post("/{id}/signal", response=RunId, operation_id="signal_run", summary="Signal a run")
def signal(request: HttpRequest, id: PathId, body: SignalBody) -> HttpResponse:
    """Sends a message to a run. One sent before the run waits for it is kept; an ended run refuses it with 409."""
    caller = _caller_with_run(request, id)
    send_signal(id, body.name, body.data, key=body.key, actor=caller.actor)
    return json_response(RunId(id))


def _caller_with_run(request: HttpRequest, run_id: str) -> Caller:
    caller = caller_of(request)
    ensure_run(caller.env, run_id)
    return caller
