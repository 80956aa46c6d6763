"""The waterfall of a run: its attempts as spans of coloured segments, in microseconds since the run was queued."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby, zip_longest
from typing import Any

from orchestrator.core.ops import OpKind, Status

MICROSECOND = timedelta(microseconds=1)


class Phase(StrEnum):
    """What a stretch of time was spent on. The order is that of the wire: append only."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    BACKOFF = "backoff"
    SLEEP = "sleep"
    WAIT = "wait"
    CHILD = "child"
    CANCELLED = "cancelled"
    REUSED = "reused"
    LOST = "lost"
    TIMED_OUT = "timed_out"


ACTIVE = frozenset({Phase.RUNNING, Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED, Phase.LOST})
IDLE = frozenset({Phase.BACKOFF, Phase.SLEEP, Phase.WAIT, Phase.CHILD, Phase.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the waterfall needs to know of the run itself."""

    status: Status
    queued_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """One attempt row without its values."""

    key: str
    number: int
    op: OpKind
    ordinal: int
    status: Status
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reused: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Segment:
    """``end_us`` is None while it lasts. ``number`` is the attempt it belongs to."""

    phase: Phase
    start_us: int
    end_us: int | None
    number: int


@dataclass(frozen=True, slots=True)
class Span:
    """A step, or with key '' the run: one row of the waterfall."""

    key: str
    op: OpKind
    status: Status
    ordinal: int
    attempts: int
    segments: tuple[Segment, ...]
    child: str | None = None
    note: str = ""

    @property
    def start_us(self) -> int | None:
        return self.segments[0].start_us if self.segments else None

    @property
    def end_us(self) -> int | None:
        return self.segments[-1].end_us if self.segments else None


def offset_us(run: RunFacts, moment: datetime) -> int:
    """Microseconds from the run's queueing to ``moment``; what came before it counts as 0."""
    return max(0, (moment - run.queued_at) // MICROSECOND)


def step_spans(run: RunFacts, attempts: Iterable[AttemptFacts]) -> list[Span]:
    """A span for each step, in the order in which the steps first appeared. Attempts of the run itself are left out."""
    rows = sorted((row for row in attempts if row.key), key=lambda row: (row.ordinal, row.key, row.number))
    return [_span(run, key, list(group)) for (_, key), group in groupby(rows, key=lambda row: (row.ordinal, row.key))]


def run_span(run: RunFacts, attempts: Iterable[AttemptFacts]) -> Span:
    """The run's own span: how long it was queued, each attempt of the function's body, and what goes on now."""
    own = sorted((row for row in attempts if not row.key), key=lambda row: row.number)
    segments = [] if run.started_at is None else [Segment(Phase.QUEUED, 0, offset_us(run, run.started_at), 1)]
    segments += _segments(run, own)
    last = max((segment.end_us or 0 for segment in segments), default=0)
    number = own[-1].number + 1 if own else 1
    if run.started_at is None:
        segments.append(Segment(Phase.QUEUED, 0, _end_us(run), 1))
    elif not run.status.final or (run.ended_at and offset_us(run, run.ended_at) > last):
        segments.append(Segment(_run_phase(run.status), last, _end_us(run), number))
    return Span("", OpKind.FUNCTION, run.status, -1, max(1, len(own)), tuple(_visible(segments)))


def active_us(spans: Iterable[Span], now_us: int) -> int:
    """Microseconds in which at least one step was executing."""
    return sum(end - start for start, end in _union(spans, ACTIVE, now_us))


def waited_us(spans: Sequence[Span], now_us: int) -> int:
    """Microseconds in which steps were only waiting: asleep, backing off, or for events, signals and children."""
    both = sum(end - start for start, end in _union(spans, ACTIVE | IDLE, now_us))
    return both - active_us(spans, now_us)


def _span(run: RunFacts, key: str, rows: Sequence[AttemptFacts]) -> Span:
    last = rows[-1]
    status = last.status
    if status is Status.FAILED and "retry_at" in last.detail and not run.status.final:
        status = Status.RETRYING
    child = last.detail.get("run") if last.op is OpKind.INVOKE else None
    segments = tuple(_visible(_segments(run, rows)))
    return Span(key, last.op, status, last.ordinal, len(rows), segments, child, _note(last))


def _segments(run: RunFacts, rows: Sequence[AttemptFacts]) -> list[Segment]:
    segments: list[Segment] = []
    for row, follower in zip_longest(rows, rows[1:]):
        if row.reused:
            segments.append(Segment(Phase.REUSED, 0, 0, row.number))
            continue
        if row.started_at is None:
            continue
        start = offset_us(run, row.started_at)
        if row.queued_at and row.queued_at < row.started_at and row.key:
            segments.append(Segment(Phase.QUEUED, offset_us(run, row.queued_at), start, row.number))
        end = offset_us(run, row.ended_at) if row.ended_at else _end_us(run)
        segments.append(Segment(_phase(row), start, end, row.number))
        if end is not None and "retry_at" in row.detail:
            segments.append(Segment(Phase.BACKOFF, end, _backoff_end(run, row, follower), row.number))
    return segments


def _backoff_end(run: RunFacts, row: AttemptFacts, follower: AttemptFacts | None) -> int | None:
    if follower is not None:
        began = follower.queued_at or follower.started_at
        return offset_us(run, began) if began else None
    return _end_us(run)


def _phase(row: AttemptFacts) -> Phase:
    match row.op, row.status:
        case _, Status.LOST:
            return Phase.LOST
        case OpKind.INVOKE, _:
            return Phase.CHILD
        case _, Status.TIMED_OUT:
            return Phase.TIMED_OUT
        case OpKind.SLEEP, _:
            return Phase.SLEEP
        case ((OpKind.WAIT_FOR_EVENT | OpKind.WAIT_FOR_SIGNAL), _):
            return Phase.WAIT
        case _, (Status.COMPLETED | Status.FAILED | Status.CANCELLED):
            return Phase(row.status.value)
        case _:
            return Phase.RUNNING


def _run_phase(status: Status) -> Phase:
    match status:
        case Status.QUEUED | Status.DELAYED | Status.PAUSED:
            return Phase.QUEUED
        case Status.SLEEPING:
            return Phase.SLEEP
        case Status.WAITING | Status.BLOCKED:
            return Phase.WAIT
        case Status.RETRYING:
            return Phase.BACKOFF
        case Status.COMPLETED | Status.FAILED | Status.CANCELLED | Status.TIMED_OUT:
            return Phase(status.value)
        case Status.EXPIRED | Status.SKIPPED:
            return Phase.CANCELLED
        case _:
            return Phase.RUNNING


def _end_us(run: RunFacts) -> int | None:
    return offset_us(run, run.ended_at) if run.ended_at else None


def _note(row: AttemptFacts) -> str:
    detail = row.detail
    match row.op:
        case OpKind.WAIT_FOR_EVENT:
            return str(detail.get("event", ""))
        case OpKind.WAIT_FOR_SIGNAL:
            return str(detail.get("signal", ""))
        case OpKind.INVOKE:
            return str(detail.get("function", ""))
        case OpKind.SLEEP:
            return str(detail.get("until", ""))
        case _:
            return ""


def _visible(segments: Iterable[Segment]) -> list[Segment]:
    dull = (Phase.QUEUED, Phase.BACKOFF)
    return [s for s in segments if not (s.phase in dull and s.end_us is not None and s.end_us <= s.start_us)]


def _union(spans: Iterable[Span], phases: frozenset[Phase], now_us: int) -> list[tuple[int, int]]:
    stretches = sorted(
        (segment.start_us, now_us if segment.end_us is None else segment.end_us)
        for span in spans
        for segment in span.segments
        if segment.phase in phases
    )
    merged: list[tuple[int, int]] = []
    for start, end in stretches:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
