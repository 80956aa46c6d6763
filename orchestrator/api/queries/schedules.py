"""Schedules as answers."""

from datetime import UTC, datetime
from typing import Any

from orchestrator.api.cursors import number_position, read_cursor, slug_position
from orchestrator.api.queries.rows import page, rows, take
from orchestrator.api.schedule_values import Schedule, SchedulePreview, ScheduleTick
from orchestrator.api.values import Page
from orchestrator.core.errors import InvalidInput, ScheduleNotFound
from orchestrator.core.schedules import LAST_YEAR, schedule_of, words
from orchestrator.core.schedules import Schedule as Timing
from orchestrator.core.ticking import next_ticks, overdue_since, put_off
from orchestrator.models import Schedule as ScheduleRow
from orchestrator.models import ScheduleTick as TickRow
from orchestrator.models.fields import from_micros, to_micros

TICKS_SHOWN = 5
LAST = to_micros(datetime(LAST_YEAR, 12, 31, tzinfo=UTC))
TICKS_PREVIEWED = 10


def list_schedules(
    env: int, now: datetime, *, function: str | None = None, cursor: str | None = None, limit: int = 50
) -> Page[Schedule]:
    """Schedules by key. One query. Raises InvalidCursor."""
    found = rows(ScheduleRow).filter(env=env, removed_at=None).order_by("slug")
    if function is not None:
        found = found.filter(function=function)
    if (after := read_cursor("schedules", cursor, slug_position)) is not None:
        found = found.filter(slug__gt=after)
    shown, more = take(found, limit)
    return page("schedules", [schedule_value(row, now) for row in shown], more, lambda schedule: schedule.key)


def get_schedule(env: int, key: str, now: datetime) -> Schedule:
    """One query. Raises ScheduleNotFound."""
    return schedule_value(find_schedule(env, key), now)


def find_schedule(env: int, key: str) -> ScheduleRow:
    """Raises ScheduleNotFound."""
    row = rows(ScheduleRow).filter(env=env, slug=key, removed_at=None).first()
    if row is None:
        raise ScheduleNotFound(f"no schedule has the key {key!r}")
    return row


def list_ticks(env: int, key: str, *, cursor: str | None = None, limit: int = 50) -> Page[ScheduleTick]:
    """What the ticks of a schedule did, newest first. Two queries. Raises ScheduleNotFound, InvalidCursor."""
    found = rows(TickRow).filter(schedule=find_schedule(env, key).id).order_by("-at")
    if (before := read_cursor("ticks", cursor, number_position)) is not None:
        found = found.filter(at__lt=from_micros(min(before, LAST)))
    shown, more = take(found, limit)
    return page("ticks", [_tick(row) for row in shown], more, lambda tick: to_micros(tick.at))


def preview(timing: dict[str, Any], now: datetime) -> SchedulePreview:
    """A schedule in words, with its next ten ticks. Raises InvalidSchedule, InvalidCron, InvalidDuration."""
    schedule = schedule_of(**timing)
    return SchedulePreview(words(schedule), next_ticks(schedule, now, TICKS_PREVIEWED))


def schedule_value(row: ScheduleRow, now: datetime) -> Schedule:
    """The schedule with its next ticks. No query."""
    timing = _timing(row)
    watched_from = max(filter(None, [row.watched_from, row.last_success_at]))
    return Schedule(
        key=row.slug,
        function=row.function,
        words=words(timing) if timing else "it cannot be read any more",
        declared=row.declared,
        timing=row.timing,
        payload=row.payload,
        state="paused" if row.paused_at else "active" if row.next_tick_at else "ended",
        paused_at=row.paused_at,
        note=row.note,
        next_ticks=_next_ticks(row, timing, now) if timing else [],
        next_run_at=row.due_at,
        overdue_since=overdue_since(timing, watched_from, now) if timing and not row.paused_at else None,
        last_tick_at=row.last_tick_at,
        last_run_id=row.last_run,
        last_status=row.last_status or None,
        last_success_at=row.last_success_at,
        runs=row.run_count,
        skipped=row.skipped_count,
        missed=row.missed_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _timing(row: ScheduleRow) -> Timing | None:
    try:
        return schedule_of(**row.timing)
    except InvalidInput:  # rows outlive the code that wrote them, and a zone may leave its database
        return None


def _next_ticks(row: ScheduleRow, timing: Timing, now: datetime) -> list[datetime]:
    """When the next runs begin: none while it is paused."""
    if row.next_tick_at is None:
        return []
    most = TICKS_SHOWN if timing.max_runs is None else min(TICKS_SHOWN, max(0, timing.max_runs - row.run_count))
    return [put_off(timing, row.id, tick) for tick in next_ticks(timing, now, most)]


def _tick(row: TickRow) -> ScheduleTick:
    return ScheduleTick(
        at=row.at,
        kind=row.kind,
        state=row.state,
        reason=row.reason,
        count=row.count,
        run_id=row.run,
        status=row.status or None,
        decided_at=row.decided_at,
        ended_at=row.ended_at,
    )
