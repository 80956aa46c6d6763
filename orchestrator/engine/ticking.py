"""Seeing to a schedule: its due ticks, its runs that have ended, and who is next. One transaction a schedule."""

from dataclasses import dataclass
from datetime import datetime

import orjson

from orchestrator.core.errors import InvalidExpression, RunEnded, RunNotFound, UnknownFunction
from orchestrator.core.ids import derived_id
from orchestrator.core.moments import iso
from orchestrator.core.ops import MessageKind
from orchestrator.core.schedules import Overlap
from orchestrator.core.ticking import Verdict, decide_overlap, ticks_due
from orchestrator.engine.catalog import Registered, read_catalog
from orchestrator.engine.commands import Actor, leave_message, terminate
from orchestrator.engine.journal.items import Start
from orchestrator.engine.journal.starts import apply_starts
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.schedule_rows import (
    ScheduleRow,
    Tick,
    is_due,
    lock_by_id,
    set_next,
    set_paused,
    write_tick,
)
from orchestrator.engine.sql import Id
from orchestrator.engine.starting import Starting, envelope, event_row

TIMER_EVENT = "signalbox/scheduled.timer"
TAKEN = "a later tick took its place"


@dataclass(slots=True)
class UnderWay:
    """What a schedule has open: its runs, and ticks that wait for their end."""

    running: list[str]
    buffered: list[datetime]


def see_to(tx: Tx, id: str, starting: Starting) -> None:
    """Everything that a schedule needs now, once, however many schedulers try."""
    row = lock_by_id(tx, id)
    if row is None:
        return
    close_ended(tx, row)
    if row.paused_at is not None:
        return
    open_ = under_way(tx, row)
    if open_.buffered and not open_.running:
        start_buffered(tx, row, open_, starting)
    if row.next_tick_at is not None and is_due(tx, id):
        _see_to_ticks(tx, row, open_, starting)


def _see_to_ticks(tx: Tx, row: ScheduleRow, open_: UnderWay, starting: Starting) -> None:
    assert row.next_tick_at is not None
    due = ticks_due(row.schedule, row.id, row.next_tick_at, tx.now)
    if due.missed:
        reason = f"no scheduler saw to it in time; catch-up is {row.schedule.catch_up}"
        write_tick(tx, row, Tick(due.missed[0], "tick", "missed", None, reason, len(due.missed)))
    for at in due.run:
        if row.is_over:
            break
        take_tick(tx, row, open_, starting, at=at, kind="tick", policy=row.schedule.overlap)
    if last := (due.run or due.missed):
        tx.db.run("UPDATE signalbox_schedule SET last_tick_at = ? WHERE id = ?", [last[-1], Id(row.id)])
    set_next(tx, row, None if row.is_over else due.next)


def take_tick(
    tx: Tx, row: ScheduleRow, open_: UnderWay, starting: Starting, *, at: datetime, kind: str, policy: Overlap
) -> Tick:
    """Starts the tick's run, lets it wait, or leaves it out, as the policy says."""
    verdict, reason = decide_overlap(policy, len(open_.running), len(open_.buffered))
    match verdict:
        case Verdict.SKIP:
            tick = Tick(at, kind, "skipped", None, reason)
            write_tick(tx, row, tick)
            return tick
        case Verdict.TERMINATE:
            _terminate(tx, row, open_)
        case Verdict.CANCEL:
            _cancel(tx, row, open_)
    run = _run_id(row, at) if kind == "tick" else starting.clock.new_id()
    if verdict in (Verdict.BUFFER, Verdict.CANCEL):
        open_.buffered.append(at)
        tick = Tick(at, kind, "buffered", run, reason)
        write_tick(tx, row, tick)
        return tick
    return _start(tx, row, open_, starting, at=at, kind=kind, run=run)


def under_way(tx: Tx, row: ScheduleRow) -> UnderWay:
    """What the schedule has open, oldest first."""
    rows = tx.db.query(
        'SELECT at, state, run FROM signalbox_schedule_tick WHERE schedule = ? AND "open" ORDER BY at', [Id(row.id)]
    )
    running = [tx.db.id(run) for _, state, run in rows if state == "started"]
    waiting = [moment for at, state, _ in rows if state == "buffered" and (moment := tx.db.moment(at))]
    return UnderWay(running, waiting)


def close_ended(tx: Tx, row: ScheduleRow) -> None:
    """Notes how the schedule's runs ended; a failed one pauses it if it asks for that."""
    ended = tx.db.query(
        "SELECT t.at, t.run, r.status, r.ended_at FROM signalbox_schedule_tick t"
        " LEFT JOIN signalbox_run r ON r.id = t.run WHERE t.schedule = ? AND t.open AND t.state = 'started'"
        " AND (r.id IS NULL OR r.ended_at IS NOT NULL) ORDER BY r.ended_at",
        [Id(row.id)],
    )
    for at, run, status, ended_at in ended:
        run_id = tx.db.id(run)
        tx.db.run(
            'UPDATE signalbox_schedule_tick SET "open" = ?, status = ?, ended_at = ? WHERE schedule = ? AND at = ?',
            [False, status or "", tx.db.moment(ended_at), Id(row.id), tx.db.moment(at)],
        )
        tx.db.run(
            "UPDATE signalbox_schedule SET last_run = ?, last_status = ? WHERE id = ?",
            [Id(run_id), status or "", Id(row.id)],
        )
        if status == "completed":
            sql = "UPDATE signalbox_schedule SET last_success_at = ? WHERE id = ?"
            tx.db.run(sql, [tx.db.moment(ended_at), Id(row.id)])
        if status == "failed" and row.schedule.pause_on_failure and row.paused_at is None:
            set_paused(tx, row, tx.now, f"run {run_id} failed")


def start_buffered(tx: Tx, row: ScheduleRow, open_: UnderWay, starting: Starting) -> None:
    """The oldest tick that waits; the next one if its run cannot start."""
    while open_.buffered and not open_.running and not row.is_over:
        at = open_.buffered.pop(0)
        [(kind, run)] = tx.db.query(
            "SELECT kind, run FROM signalbox_schedule_tick WHERE schedule = ? AND at = ?", [Id(row.id), at]
        )
        _start(tx, row, open_, starting, at=at, kind=kind, run=tx.db.id(run))
    if row.is_over:
        _leave_out(tx, row, open_, "the schedule has had all its runs")


def _start(tx: Tx, row: ScheduleRow, open_: UnderWay, starting: Starting, *, at: datetime, kind: str, run: str) -> Tick:
    try:
        start = _start_of(row, starting, _known(tx, row, starting), at=at, now=tx.now, run=run)
    except (UnknownFunction, InvalidExpression) as error:
        tick = Tick(at, kind, "skipped", None, str(error))
    else:
        apply_starts(tx, [start])
        if start.run_ids:
            open_.running += start.run_ids
            tick = Tick(at, kind, "started", start.run_ids[0])
        else:
            tick = Tick(at, kind, "skipped", None, start.turned[0]["reason"])
    write_tick(tx, row, tick)
    return tick


def _start_of(
    row: ScheduleRow, starting: Starting, known: Registered, *, at: datetime, now: datetime, run: str
) -> Start:
    if known.kind == "task":
        new = starting.run(row.env, row.function, trigger="cron", now=now, id=run, input=row.payload or "{}")
        return Start(None, None, [new], ref=run)
    timing = row.schedule.to_json()
    data = {
        "schedule": row.slug,
        "cron": timing["cron"][0] if timing["cron"] else None,
        "tz": row.schedule.tz,
        "scheduled_at": iso(at),
        "payload": orjson.loads(row.payload) if row.payload is not None else None,
    }
    event = event_row(derived_id(now, run), row.env, TIMER_EVENT, data, now, ts=at, source="engine")
    payload = envelope(event, data)
    new = starting.run(row.env, row.function, trigger="cron", now=now, id=run, events=[payload])
    return Start(event, payload, [new], ref=run)


def _known(tx: Tx, row: ScheduleRow, starting: Starting) -> Registered:
    """The function, also when another process has registered it just now. Raises UnknownFunction."""
    try:
        return starting.catalog.get(row.env, row.function)
    except UnknownFunction:
        starting.catalog.load([*starting.catalog.all(), *read_catalog(tx)])
        return starting.catalog.get(row.env, row.function)


def _run_id(row: ScheduleRow, at: datetime) -> str:
    """The same for the same tick, whichever scheduler sees to it."""
    return derived_id(at, str(row.env), row.id)


def _cancel(tx: Tx, row: ScheduleRow, open_: UnderWay) -> None:
    """Asks what runs to cancel; what waited for its end gives way to the newer tick."""
    _leave_out(tx, row, open_, TAKEN)
    tx.flush()  # a run of this transaction is asked, too
    for run in open_.running:
        try:
            leave_message(tx, run, MessageKind.CANCEL, "cancel", Actor("schedule", f"a tick of {row.slug}").to_json())
        except (RunEnded, RunNotFound):
            continue


def _terminate(tx: Tx, row: ScheduleRow, open_: UnderWay) -> None:
    _leave_out(tx, row, open_, TAKEN)
    tx.flush()
    for run in open_.running:
        try:
            terminate(tx, run, Actor("schedule", f"a tick of {row.slug}"))
        except (RunEnded, RunNotFound):
            continue
    tx.flush()
    open_.running.clear()


def _leave_out(tx: Tx, row: ScheduleRow, open_: UnderWay, reason: str) -> None:
    for at in open_.buffered:
        write_tick(tx, row, Tick(at, "tick", "skipped", None, reason))
    open_.buffered.clear()
