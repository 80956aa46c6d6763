"""What people and programs do with schedules. Each is one transaction of the journal, with its audit row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.core.codec import decode, encode
from orchestrator.core.errors import Conflict, InvalidSchedule, ScheduleNotFound
from orchestrator.core.schedules import Overlap, Schedule, moment_of, schedule_of
from orchestrator.core.ticking import ticks_within
from orchestrator.engine.audit import record_action
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.runtime import Runtime, current
from orchestrator.engine.schedule_rows import ScheduleRow, lock_by_slug, put_schedule, set_paused
from orchestrator.engine.sql import Id
from orchestrator.engine.ticking import close_ended, take_tick, under_way
from orchestrator.sdk.arguments import bind_json

MOST_BACKFILLED = 1_000
MAX_KEY = 200  # characters
IN_CODE = "is declared with its function: change it there, or pause it"


@dataclass(frozen=True, slots=True)
class Triggered:
    """What came of a tick by hand: "started", "buffered" (it waits for another run's end) or "skipped"."""

    state: str
    run_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Backfill:
    """Ticks of a range: how many there are, how many have runs already, how many were started, wait or were skipped."""

    ticks: int
    done: int
    first: datetime | None
    last: datetime | None
    started: int = 0
    buffered: int = 0
    skipped: int = 0


def put(
    key: str, function: str, timing: Mapping[str, Any] | Schedule, *, payload: Any = None, env: int = 1, actor: str = ""
) -> bool:
    """Creates the schedule of that key, or changes the one there is; whether it is new. The same again does nothing.

    Raises UnknownFunction, InvalidPayload, InvalidSchedule, InvalidCron, InvalidDuration, Conflict for one in code.
    """
    runtime = current()
    schedule = timing if isinstance(timing, Schedule) else schedule_of(**timing)
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        raise InvalidSchedule(f"the key of a schedule has 1 to {MAX_KEY} printable characters")
    text = _payload(runtime, env, function, payload)

    def apply(tx: Tx) -> bool:
        try:
            row = lock_by_slug(tx, env, key)
        except ScheduleNotFound:
            row = None
        if row is not None and row.declared:
            raise Conflict(f"schedule {key!r} {IN_CODE}")
        before, after = row and _state(row), _value(function, schedule, text)
        if before == after:
            return False
        id = runtime.clock.new_id()
        put_schedule(tx, id, env, key, function=function, schedule=schedule, payload=text, declared=False)
        action = "schedule.create" if row is None else "schedule.update"
        record_action(tx, env, action, key, actor=actor, before=before, after=after)
        return row is None

    return bool(runtime.commit(Call(apply)))


def change(key: str, changes: Mapping[str, Any], *, env: int = 1, actor: str = "") -> None:
    """Changes some of what a schedule says: of its timing, ``function``, ``payload``. Raises as ``put``."""
    runtime = current()
    known = runtime.commit(Call(lambda tx: _state(lock_by_slug(tx, env, key))))
    rest = {name: value for name, value in changes.items() if name not in ("function", "payload")}
    payload = changes["payload"] if "payload" in changes else known["payload"]
    put(
        key,
        changes.get("function") or known["function"],
        {**known["timing"], **rest},
        payload=payload,
        env=env,
        actor=actor,
    )


def delete(key: str, *, env: int = 1, actor: str = "") -> None:
    """Deletes a schedule with the record of its ticks; its runs stay. Raises ScheduleNotFound, Conflict."""

    def apply(tx: Tx, row: ScheduleRow) -> None:
        if row.declared:
            raise Conflict(f"schedule {key!r} {IN_CODE}")
        tx.db.run("DELETE FROM signalbox_schedule_tick WHERE schedule = ?", [Id(row.id)])
        tx.db.run("DELETE FROM signalbox_schedule WHERE id = ?", [Id(row.id)])
        record_action(tx, env, "schedule.delete", key, actor=actor, before=_state(row))

    _do(env, key, apply)


def pause(key: str, *, note: str = "", env: int = 1, actor: str = "") -> None:
    """From now on it does not tick; what runs goes on. Again: only the note is new. Raises ScheduleNotFound."""

    def apply(tx: Tx, row: ScheduleRow) -> None:
        set_paused(tx, row, row.paused_at or tx.now, note)
        record_action(tx, env, "schedule.pause", key, actor=actor, reason=note)

    _do(env, key, apply)


def resume(key: str, *, note: str = "", env: int = 1, actor: str = "") -> None:
    """It ticks again, from the next tick on; nothing if it is not paused. Raises ScheduleNotFound."""

    def apply(tx: Tx, row: ScheduleRow) -> None:
        if row.paused_at is not None:
            set_paused(tx, row, None, "")
            record_action(tx, env, "schedule.resume", key, actor=actor, reason=note)

    _do(env, key, apply)


def trigger_now(key: str, *, overlap: str = Overlap.ALLOW, env: int = 1, actor: str = "") -> Triggered:
    """A run of the schedule now, paused or not. Raises ScheduleNotFound, InvalidSchedule."""
    runtime, policy = current(), _policy(overlap)

    def apply(tx: Tx, row: ScheduleRow) -> Triggered:
        close_ended(tx, row)
        tick = take_tick(tx, row, under_way(tx, row), runtime.queueing, at=tx.now, kind="trigger", policy=policy)
        record_action(tx, env, "schedule.trigger", key, actor=actor, after={"state": tick.state, "run": tick.run})
        return Triggered(tick.state, tick.run, tick.reason)

    found: Triggered = _do(env, key, apply)
    return found


def backfill(
    key: str,
    start: datetime | str,
    end: datetime | str,
    *,
    overlap: str = Overlap.BUFFER_ALL,
    preview: bool = False,
    env: int = 1,
    actor: str = "",
) -> Backfill:
    """Starts the ticks from ``start`` to ``end``, both included, that have no run yet; ``preview``: only counts them.

    Raises ScheduleNotFound, InvalidSchedule, also for more than a thousand ticks.
    """
    runtime, policy = current(), _policy(overlap)
    first, last = moment_of(start), moment_of(end)
    if first is None or last is None or last < first:
        raise InvalidSchedule("a backfill takes a start and an end that is not before it")

    def apply(tx: Tx, row: ScheduleRow) -> Backfill:
        ticks = ticks_within(row.schedule, first, last, MOST_BACKFILLED + 1)
        if len(ticks) > MOST_BACKFILLED:
            raise InvalidSchedule(f"that is more than {MOST_BACKFILLED} ticks: give a shorter range")
        done = _done(tx, row, first, last)
        found = Backfill(len(ticks), len(done & set(ticks)), *((ticks[0], ticks[-1]) if ticks else (None, None)))
        if preview:
            return found
        close_ended(tx, row)
        open_, states = under_way(tx, row), []
        for at in [at for at in ticks if at not in done]:
            tick = take_tick(tx, row, open_, runtime.queueing, at=at, kind="backfill", policy=policy)
            states.append(tick.state)
        result = Backfill(
            found.ticks, found.done, found.first, found.last, *map(states.count, ("started", "buffered", "skipped"))
        )
        after = {"start": first.isoformat(), "end": last.isoformat(), "ticks": len(states)}
        record_action(tx, env, "schedule.backfill", key, actor=actor, after=after)
        return result

    filled: Backfill = _do(env, key, apply)
    return filled


def _do(env: int, key: str, apply: Callable[[Tx, ScheduleRow], Any]) -> Any:
    return current().commit(Call(lambda tx: apply(tx, lock_by_slug(tx, env, key))))


def _done(tx: Tx, row: ScheduleRow, first: datetime, last: datetime) -> set[datetime | None]:
    """Ticks that have a run, or wait for theirs."""
    rows = tx.db.query(
        "SELECT at FROM signalbox_schedule_tick WHERE schedule = ? AND at >= ? AND at <= ?"
        " AND state IN ('started', 'buffered')",
        [Id(row.id), first, last],
    )
    return {tx.db.moment(at) for (at,) in rows}


def _policy(overlap: str) -> Overlap:
    try:
        return Overlap(overlap)
    except ValueError:
        raise InvalidSchedule(f"{overlap!r:.40} is none of {', '.join(Overlap)}") from None


def _payload(runtime: Runtime, env: int, function: str, payload: Any) -> str | None:
    """As JSON text; a task's is checked against its signature where its code is."""
    known = runtime.catalog.get(env, function)
    definition = runtime.registry.find(function)
    if known.kind == "task" and definition is not None:
        return bind_json(definition.body, payload)
    return None if payload is None else encode(payload)


def _value(function: str, schedule: Schedule, payload: str | None) -> dict[str, Any]:
    return {"function": function, "timing": schedule.to_json(), "payload": None if payload is None else decode(payload)}


def _state(row: ScheduleRow) -> dict[str, Any]:
    return _value(row.function, row.schedule, row.payload)
