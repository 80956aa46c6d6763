"""Schedules made while running: for each customer one, say.

>>> schedules.put("digest-42", send_digest, Cron("0 7 * * *", tz="Europe/Paris"), payload={"user": 42})
>>> schedules.pause("digest-42", note="on holiday")
"""

from datetime import datetime
from typing import Any

from orchestrator.core.codec import decode
from orchestrator.core.schedules import Overlap
from orchestrator.engine import scheduling
from orchestrator.engine.scheduling import Backfill, Triggered
from orchestrator.sdk.callable import Callee
from orchestrator.sdk.timing import Cron, Every

__all__ = ["Backfill", "Triggered", "backfill", "delete", "pause", "put", "resume", "trigger"]


def put(key: str, target: Callee[..., Any] | str, timing: Cron | Every, *, payload: Any = None) -> bool:
    """Creates the schedule of that key or changes the one there is; whether it is new. The same again does nothing.

    ``target``: a function or task, or its id. ``payload``: a task's arguments by name; a function finds it as
    ``ctx.event.data["payload"]``. Raises UnknownFunction, InvalidPayload, Conflict for a schedule in code.
    """
    declared = timing.declared
    if payload is None and declared.payload is not None:
        payload = decode(declared.payload)
    return scheduling.put(key, target if isinstance(target, str) else target.id, declared.schedule, payload=payload)


def delete(key: str) -> None:
    """Deletes the schedule; its runs stay. Raises ScheduleNotFound, Conflict for a schedule in code."""
    scheduling.delete(key)


def pause(key: str, *, note: str = "") -> None:
    """From now on it does not tick; what runs goes on. Raises ScheduleNotFound."""
    scheduling.pause(key, note=note)


def resume(key: str) -> None:
    """It ticks again, from the next tick on. Raises ScheduleNotFound."""
    scheduling.resume(key)


def trigger(key: str, *, overlap: str = Overlap.ALLOW) -> Triggered:
    """A run of the schedule now, paused or not. Raises ScheduleNotFound."""
    return scheduling.trigger_now(key, overlap=overlap)


def backfill(
    key: str, start: datetime | str, end: datetime | str, *, overlap: str = Overlap.BUFFER_ALL, preview: bool = False
) -> Backfill:
    """Starts the ticks of the range that have no run yet; ``preview``: only counts them. Raises InvalidSchedule."""
    return scheduling.backfill(key, start, end, overlap=overlap, preview=preview)
