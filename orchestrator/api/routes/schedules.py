"""Schedules: what starts functions by itself, and what an operator does to it."""

from datetime import UTC, datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from orchestrator.api.auth import caller_of
from orchestrator.api.queries.schedules import get_schedule, list_schedules, list_ticks, preview
from orchestrator.api.requests import Cursor, Limit
from orchestrator.api.schedule_values import (
    BackfillBody,
    PathKey,
    PauseBody,
    Schedule,
    ScheduleBackfill,
    ScheduleBody,
    ScheduleChanges,
    SchedulePreview,
    ScheduleTick,
    ScheduleTriggerBody,
    ScheduleTriggered,
    TimingBody,
)
from orchestrator.api.text import Name
from orchestrator.api.values import Page
from orchestrator.api.wire import json_response
from orchestrator.engine import scheduling

router = Router(tags=["schedules"])


@router.get("", response=Page[Schedule], operation_id="list_schedules", summary="List schedules")
def list_(
    request: HttpRequest,
    *,
    function: Annotated[Name | None, Query(description="Schedules of this function.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> HttpResponse:
    """Schedules by key, with their next ticks and what is overdue."""
    env = caller_of(request).env
    return json_response(list_schedules(env, datetime.now(UTC), function=function, cursor=cursor, limit=limit))


@router.post("", response=Schedule, operation_id="put_schedule", summary="Create or change a schedule")
def put(request: HttpRequest, body: ScheduleBody) -> HttpResponse:
    """Creates the schedule of this key, or changes the one there is. The same again does nothing."""
    caller = caller_of(request)
    timing = body.dict(exclude={"key", "function", "payload"})
    scheduling.put(body.key, body.function, timing, payload=body.payload, env=caller.env, actor=caller.actor)
    return json_response(get_schedule(caller.env, body.key, datetime.now(UTC)))


@router.post("/preview", response=SchedulePreview, operation_id="preview_schedule", summary="Preview a schedule")
def preview_(request: HttpRequest, body: TimingBody) -> HttpResponse:
    """A schedule in words, with its next ten ticks; nothing is stored."""
    return json_response(preview(body.dict(), datetime.now(UTC)))


# Keys may hold slashes; these first, or the last ones would take them for keys.
@router.get(
    "/{path:key}/ticks", response=Page[ScheduleTick], operation_id="list_schedule_ticks", summary="List its ticks"
)
def ticks(request: HttpRequest, key: PathKey, cursor: Cursor = None, limit: Limit = 50) -> HttpResponse:
    """What its ticks did, newest first: the run, or why there is none."""
    return json_response(list_ticks(caller_of(request).env, key, cursor=cursor, limit=limit))


@router.post("/{path:key}/pause", response=Schedule, operation_id="pause_schedule", summary="Pause a schedule")
def pause(request: HttpRequest, key: PathKey, body: PauseBody | None = None) -> HttpResponse:
    """From now on it does not tick; what runs goes on."""
    caller = caller_of(request)
    scheduling.pause(key, note=body.note if body else "", env=caller.env, actor=caller.actor)
    return json_response(get_schedule(caller.env, key, datetime.now(UTC)))


@router.post("/{path:key}/resume", response=Schedule, operation_id="resume_schedule", summary="Resume a schedule")
def resume(request: HttpRequest, key: PathKey, body: PauseBody | None = None) -> HttpResponse:
    """It ticks again, from the next tick on."""
    caller = caller_of(request)
    scheduling.resume(key, note=body.note if body else "", env=caller.env, actor=caller.actor)
    return json_response(get_schedule(caller.env, key, datetime.now(UTC)))


@router.post(
    "/{path:key}/trigger", response=ScheduleTriggered, operation_id="trigger_schedule", summary="Trigger it now"
)
def trigger(request: HttpRequest, key: PathKey, body: ScheduleTriggerBody | None = None) -> HttpResponse:
    """A run of the schedule now, also while it is paused."""
    caller = caller_of(request)
    asked = body or ScheduleTriggerBody()
    return json_response(scheduling.trigger_now(key, overlap=asked.overlap, env=caller.env, actor=caller.actor))


@router.post("/{path:key}/backfill", response=ScheduleBackfill, operation_id="backfill_schedule", summary="Backfill")
def backfill(request: HttpRequest, key: PathKey, body: BackfillBody) -> HttpResponse:
    """Starts the ticks of a range that have no run yet: a second time, none."""
    caller = caller_of(request)
    return json_response(
        scheduling.backfill(
            key,
            body.start,
            body.end,
            overlap=body.overlap,
            preview=body.preview,
            env=caller.env,
            actor=caller.actor,
        )
    )


@router.get("/{path:key}", response=Schedule, operation_id="get_schedule", summary="Get a schedule")
def get(request: HttpRequest, key: PathKey) -> HttpResponse:
    """One schedule, with its next ticks."""
    return json_response(get_schedule(caller_of(request).env, key, datetime.now(UTC)))


@router.patch("/{path:key}", response=Schedule, operation_id="change_schedule", summary="Change a schedule")
def change(request: HttpRequest, key: PathKey, body: ScheduleChanges) -> HttpResponse:
    """Changes what is given. A schedule that is declared with its function is changed there."""
    caller = caller_of(request)
    scheduling.change(key, body.dict(exclude_unset=True), env=caller.env, actor=caller.actor)
    return json_response(get_schedule(caller.env, key, datetime.now(UTC)))


@router.delete("/{path:key}", response=Schedule, operation_id="delete_schedule", summary="Delete a schedule")
def delete(request: HttpRequest, key: PathKey) -> HttpResponse:
    """Deletes a schedule with the record of its ticks, and answers it once more; its runs stay."""
    caller = caller_of(request)
    known = get_schedule(caller.env, key, datetime.now(UTC))
    scheduling.delete(key, env=caller.env, actor=caller.actor)
    return json_response(known)
