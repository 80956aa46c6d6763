"""When schedules tick, and what becomes of a tick: decisions on plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from hashlib import blake2b

from orchestrator.core.cron import Cron, names, next_tick, zone_of
from orchestrator.core.errors import InvalidCron
from orchestrator.core.expecting import overdue_after
from orchestrator.core.moments import EPOCH, iso
from orchestrator.core.schedules import CatchUp, Interval, Overlap, Schedule, Spec

GRACE = timedelta(seconds=60)  # a tick is on time for that long: schedulers look every second, restarts take some
MOST_AT_ONCE = 1_000  # ticks of a schedule looked at together
MOST_BUFFERED = 1_000
MOST_EXCLUDED = 50_000  # minutes and days in a row that exclusions may leave out
HORIZON = timedelta(days=20 * 366)  # nobody waits longer for a tick
MICROSECOND = timedelta(microseconds=1)


class Verdict(StrEnum):
    """What becomes of a tick."""

    START = "start"
    BUFFER = "buffer"
    SKIP = "skip"
    CANCEL = "cancel"  # ask what runs to cancel, wait for its end
    TERMINATE = "terminate"  # end what runs, then start


@dataclass(frozen=True, slots=True)
class Due:
    """Ticks to see to now, those given up, and the one that comes next."""

    run: Sequence[datetime]
    missed: Sequence[datetime]
    next: datetime | None


def tick_after(schedule: Schedule, after: datetime) -> datetime | None:
    """The first tick later than ``after``; None when there is none any more."""
    moment = after
    if schedule.start is not None:
        moment = max(moment, schedule.start - MICROSECOND)
    for _ in range(MOST_EXCLUDED):
        found = min((tick for spec in schedule.specs if (tick := _next(spec, moment))), default=None)
        if found is None or found > after + HORIZON or (schedule.end is not None and found > schedule.end):
            return None
        ends = [end for each in schedule.exclude if (end := _excluded_until(each, found, schedule.tz))]
        if not ends:
            return found
        moment = max(found, max(ends) - MICROSECOND)
    return None


def next_ticks(schedule: Schedule, after: datetime, most: int) -> list[datetime]:
    """The next ``most`` ticks later than ``after``."""
    ticks: list[datetime] = []
    moment: datetime | None = after
    while len(ticks) < most and moment is not None and (moment := tick_after(schedule, moment)) is not None:
        ticks.append(moment)
    return ticks


def ticks_within(schedule: Schedule, start: datetime, end: datetime, most: int) -> list[datetime]:
    """The first ``most`` ticks from ``start`` to ``end``, both included."""
    ticks: list[datetime] = []
    moment: datetime | None = start - MICROSECOND
    while len(ticks) < most and moment is not None and (moment := tick_after(schedule, moment)) is not None:
        if moment > end:
            break
        ticks.append(moment)
    return ticks


def put_off(schedule: Schedule, id: str, tick: datetime) -> datetime:
    """When a tick really happens: up to ``jitter`` later, before the next one, always the same for that schedule."""
    if not schedule.jitter:
        return tick
    following = tick_after(schedule, tick)
    room = schedule.jitter if following is None else min(schedule.jitter, following - tick)
    digest = blake2b(f"{id} {iso(tick)}".encode(), digest_size=8).digest()
    return tick + room * (int.from_bytes(digest, "big") / 2**64)


def ticks_due(schedule: Schedule, id: str, first: datetime, now: datetime) -> Due:
    """Of the ticks from ``first`` on whose time has come: which are seen to, by the policy for late ones."""
    oldest = now - max(schedule.window, GRACE)
    if schedule.catch_up is CatchUp.NONE:
        oldest = now - GRACE
    missed: list[datetime] = []
    tick: datetime | None = first
    while tick is not None and put_off(schedule, id, tick) < oldest and len(missed) < MOST_AT_ONCE:
        missed.append(tick)
        tick = tick_after(schedule, tick)
    if tick is not None and len(missed) == MOST_AT_ONCE and tick < oldest:  # far too many to count each
        tick = tick_after(schedule, oldest - MICROSECOND)
    run: list[datetime] = []
    while tick is not None and put_off(schedule, id, tick) <= now and len(run) < MOST_AT_ONCE:
        run.append(tick)
        tick = tick_after(schedule, tick)
    if schedule.catch_up is CatchUp.LATEST and run:
        on_time = [each for each in run if put_off(schedule, id, each) >= now - GRACE]
        kept = on_time or run[-1:]
        missed += run[: len(run) - len(kept)]
        run = kept
    return Due(run, missed, tick)


def decide_overlap(policy: Overlap, running: int, buffered: int) -> tuple[Verdict, str]:
    """What a tick does while ``running`` runs of its schedule are under way, and why."""
    if policy is Overlap.ALLOW or not (running or buffered):
        return Verdict.START, ""
    match policy:
        case Overlap.SKIP:
            return Verdict.SKIP, "the run before it was still under way"
        case Overlap.BUFFER_ONE if buffered:
            return Verdict.SKIP, "the run before it was still under way, and another tick waited for its end"
        case Overlap.BUFFER_ALL if buffered >= MOST_BUFFERED:
            return Verdict.SKIP, f"{MOST_BUFFERED} ticks waited already"
        case Overlap.CANCEL_OTHER:
            return Verdict.CANCEL, "the run before it was asked to cancel"
        case Overlap.TERMINATE_OTHER:
            return Verdict.TERMINATE, ""
        case _:
            return Verdict.BUFFER, "the run before it was still under way"


def overdue_since(schedule: Schedule, since: datetime, now: datetime) -> datetime | None:
    """Since when a run should have completed; ``since``: the last success, or when watching began."""
    if schedule.expected_within is None:
        return None
    tick = tick_after(schedule, since)
    return None if tick is None else overdue_after(schedule.expected_within, tick, now)


def _next(spec: Spec, after: datetime) -> datetime | None:
    if isinstance(spec, Interval):
        since = after - EPOCH - spec.offset
        return EPOCH + spec.offset + (since // spec.every + 1) * spec.every
    try:
        return next_tick(spec, after)
    except InvalidCron:  # none in the 50 years to come
        return None


def _excluded_until(exclusion: date | Cron, tick: datetime, tz: str) -> datetime | None:
    """The end of the day or minute that is left out, None if the tick is not."""
    if isinstance(exclusion, Cron):
        if not names(exclusion, tick):
            return None
        seconds = len(exclusion.fields.split()) > 5
        return tick if seconds else tick.replace(second=0, microsecond=0) + timedelta(minutes=1)
    zone = zone_of(tz)
    if tick.astimezone(zone).date() != exclusion:
        return None
    return datetime.combine(exclusion + timedelta(days=1), time(), zone).astimezone(UTC)
