"""Schedules and their ticks as they are stored: read under a lock, and written. In the journal's transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from orchestrator.core.errors import ScheduleNotFound
from orchestrator.core.schedules import Schedule, schedule_of
from orchestrator.core.ticking import put_off, tick_after
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.sql import Id

COLUMNS = (
    "id, env, slug, function, CAST(timing AS text), CAST(payload AS text), declared, paused_at, next_tick_at, run_count"
)
AT_ONCE = 500  # schedules of one look


@dataclass(slots=True)
class ScheduleRow:
    """A schedule that is locked until the commit. ``payload`` is JSON text."""

    id: str
    env: int
    slug: str
    function: str
    schedule: Schedule
    payload: str | None
    declared: bool
    paused_at: datetime | None
    next_tick_at: datetime | None
    run_count: int

    @property
    def is_over(self) -> bool:
        """Whether it has had all its runs."""
        return self.schedule.max_runs is not None and self.run_count >= self.schedule.max_runs


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick and what came of it."""

    at: datetime
    kind: str
    state: str
    run: str | None = None
    reason: str = ""
    count: int = 1

    @property
    def is_open(self) -> bool:
        return self.state in ("started", "buffered")


def find_work(tx: Tx) -> list[str]:
    """Schedules that are due, whose runs have ended, or in which a tick waits that may start now."""
    found = [
        *tx.db.query(
            "SELECT id FROM signalbox_schedule WHERE due_at IS NOT NULL AND due_at <= ?"
            f" ORDER BY due_at LIMIT {AT_ONCE}",
            [tx.now],
        ),
        *tx.db.query(
            "SELECT DISTINCT t.schedule FROM signalbox_schedule_tick t LEFT JOIN signalbox_run r ON r.id = t.run"
            " WHERE t.open AND t.state = 'started' AND (r.id IS NULL OR r.ended_at IS NOT NULL)"
        ),
        *tx.db.query(
            "SELECT DISTINCT t.schedule FROM signalbox_schedule_tick t JOIN signalbox_schedule s ON s.id = t.schedule"
            " WHERE t.open AND t.state = 'buffered' AND s.paused_at IS NULL AND NOT EXISTS (SELECT 1 FROM"
            " signalbox_schedule_tick o WHERE o.schedule = t.schedule AND o.open AND o.state = 'started')"
        ),
    ]
    return list(dict.fromkeys(tx.db.id(id) for (id,) in found))


def lock_by_id(tx: Tx, id: str) -> ScheduleRow | None:
    """The schedule, unless it is gone or another scheduler is at it."""
    rows = tx.db.query(
        f"SELECT {COLUMNS} FROM signalbox_schedule WHERE id = ? AND removed_at IS NULL{_lock(tx, ' SKIP LOCKED')}",
        [Id(id)],
    )
    return _row(tx, rows[0]) if rows else None


def lock_by_slug(tx: Tx, env: int, slug: str) -> ScheduleRow:
    """Raises ScheduleNotFound."""
    rows = tx.db.query(
        f"SELECT {COLUMNS} FROM signalbox_schedule WHERE env = ? AND slug = ? AND removed_at IS NULL{_lock(tx)}",
        [env, slug],
    )
    if not rows:
        raise ScheduleNotFound(f"no schedule has the key {slug!r}")
    return _row(tx, rows[0])


def is_due(tx: Tx, id: str) -> bool:
    """Asked under the lock: another scheduler may have been quicker."""
    return bool(tx.db.query("SELECT 1 FROM signalbox_schedule WHERE id = ? AND due_at <= ?", [Id(id), tx.now]))


def put_schedule(
    tx: Tx,
    id: str,
    env: int,
    slug: str,
    *,
    function: str,
    schedule: Schedule,
    payload: str | None,
    declared: bool,
) -> None:
    """Inserts the schedule or takes the place of the one with its key. Its ticks begin anew from now on."""
    json = "json" if tx.db.vendor == "postgresql" else "text"
    tx.db.run(
        "INSERT INTO signalbox_schedule (id, env, slug, function, timing, payload, declared, created_at, updated_at,"
        " note, last_status, watched_from, run_count, skipped_count, missed_count)"
        f" VALUES (?, ?, ?, ?, CAST(? AS {json}), CAST(? AS {json}), ?, ?, ?, '', '', ?, 0, 0, 0)"
        " ON CONFLICT (env, slug) DO UPDATE SET function = excluded.function, timing = excluded.timing,"
        " payload = excluded.payload, declared = excluded.declared, updated_at = excluded.updated_at,"
        " watched_from = excluded.watched_from, removed_at = NULL",
        [
            Id(id),
            env,
            slug,
            function,
            orjson.dumps(schedule.to_json()).decode(),
            payload,
            declared,
            tx.now,
            tx.now,
            tx.now,
        ],
    )
    begin_anew(tx, lock_by_slug(tx, env, slug))


def begin_anew(tx: Tx, row: ScheduleRow) -> None:
    """The next tick is the first one from now on."""
    set_next(tx, row, None if row.is_over else tick_after(row.schedule, tx.now))


def set_next(tx: Tx, row: ScheduleRow, tick: datetime | None) -> None:
    """The tick to come, and when it happens. None while the schedule is paused."""
    if row.paused_at is not None:
        tick = None
    row.next_tick_at = tick
    due_at = None if tick is None else put_off(row.schedule, row.id, tick)
    tx.db.run("UPDATE signalbox_schedule SET next_tick_at = ?, due_at = ? WHERE id = ?", [tick, due_at, Id(row.id)])


def set_paused(tx: Tx, row: ScheduleRow, paused_at: datetime | None, note: str) -> None:
    """Ticks of the time between are left out: after it the next one is the first to come."""
    row.paused_at = paused_at
    tx.db.run(
        "UPDATE signalbox_schedule SET paused_at = ?, note = ?, watched_from = ? WHERE id = ?",
        [paused_at, note[:500], tx.now, Id(row.id)],
    )
    begin_anew(tx, row)


def write_tick(tx: Tx, row: ScheduleRow, tick: Tick) -> None:
    """What came of the tick, in place of what was said of it before; and the schedule's counts."""
    tx.db.run(
        "INSERT INTO signalbox_schedule_tick"
        ' (schedule, at, kind, state, reason, "count", run, status, decided_at, "open")'
        " VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, ?) ON CONFLICT (schedule, at) DO UPDATE SET kind = excluded.kind,"
        ' state = excluded.state, reason = excluded.reason, "count" = excluded."count", run = excluded.run,'
        ' status = \'\', decided_at = excluded.decided_at, ended_at = NULL, "open" = excluded."open"',
        [
            Id(row.id),
            tick.at,
            tick.kind,
            tick.state,
            tick.reason[:500],
            tick.count,
            Id(tick.run) if tick.run else None,
            tx.now,
            tick.is_open,
        ],
    )
    runs, skipped, missed = (
        tick.count * (tick.state == "started"),
        tick.count * (tick.state == "skipped"),
        tick.count * (tick.state == "missed"),
    )
    row.run_count += runs
    tx.db.run(
        "UPDATE signalbox_schedule SET run_count = run_count + ?, skipped_count = skipped_count + ?,"
        " missed_count = missed_count + ? WHERE id = ?",
        [runs, skipped, missed, Id(row.id)],
    )


def _lock(tx: Tx, how: str = "") -> str:
    return f" FOR UPDATE{how}" if tx.db.vendor == "postgresql" else ""


def _row(tx: Tx, found: tuple[Any, ...]) -> ScheduleRow:
    id, env, slug, function, timing, payload, declared, paused_at, next_tick_at, run_count = found
    return ScheduleRow(
        id=tx.db.id(id),
        env=env,
        slug=slug,
        function=function,
        schedule=schedule_of(**orjson.loads(timing)),
        payload=payload,
        declared=bool(declared),
        paused_at=tx.db.moment(paused_at),
        next_tick_at=tx.db.moment(next_tick_at),
        run_count=run_count,
    )
