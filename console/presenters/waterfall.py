"""The trace of a run for the waterfall: read from the rows, told as the wire format or as table rows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from django.db.models import TextField
from django.db.models.functions import Cast, Substr

from console.presenters.text import OP_WORDS, STATUS_WORDS, duration, in_short
from orchestrator.core.ops import OpKind, Status
from orchestrator.core.trace import AttemptFacts, Phase, RunFacts, Span, offset_us, run_span, step_spans
from orchestrator.models import Attempt, Journal, Log, Run, RunData
from orchestrator.models.fields import to_micros

COLUMNS = ("key", "op", "status", "ordinal", "attempts", "child", "note", "bars", "logs", "about")
PHASES = tuple(Phase)
PHASE_NUMBER = {phase: number for number, phase in enumerate(PHASES)}
FACTS = ("key", "number", "op", "ordinal", "status", "queued_at", "started_at", "ended_at", "reused", "detail")
LEVELS = {"WARNING": 1, "ERROR": 2, "CRITICAL": 2}  # anything else is 0
MOST_TICKS = 2_000
MOST_CHILDREN = 5_000
ABOUT_CHARACTERS = 200
# After one of these any attempt of the run may have changed without an entry of its own.
SWEEPING = {"run.recovered", "run.cancelled", "run.completed", "run.failed"}


@dataclass(frozen=True, slots=True)
class Trace:
    """A run and its spans as they were when its journal reached ``run.seq``."""

    run: Run
    own: Span
    steps: Sequence[Span]
    # By step: the moments (microseconds since t0) and levels of what was logged.
    logs: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    # By step: what its child run was given, in short. Steps of a fan-out have nothing else to tell them apart.
    abouts: Mapping[str, str] = field(default_factory=dict)


def run_facts(run: Run) -> RunFacts:
    return RunFacts(Status(run.status), run.queued_at, run.started_at, run.ended_at)


def read_spans(run: Run, keys: Iterable[str] | None = None) -> Trace:
    """All spans of a run, or those of ``keys``: one query, no values."""
    rows = Attempt.objects.filter(run=run.id)
    if keys is not None:
        rows = rows.filter(key__in=[*keys, ""])
    facts = [_attempt(row) for row in rows.values_list(*FACTS)]
    about = run_facts(run)
    return Trace(run, run_span(about, facts), step_spans(about, facts))


def read_trace(run: Run, keys: Iterable[str] | None = None) -> Trace:
    """The spans with their newest log marks and what child runs were given: two more queries."""
    trace = read_spans(run, keys)
    about, shown = run_facts(run), {"", *(span.key for span in trace.steps)}
    # Not by step: there is no index for it, and a run may have logged a hundred thousand lines.
    newest = Log.objects.filter(run=run.id).order_by("-id").values_list("key", "at", "level")[:MOST_TICKS]
    logs: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for key, at, level in reversed(newest):
        if key in shown:
            logs[key].append((offset_us(about, at), LEVELS.get(level, 0)))
    return replace(trace, logs=logs, abouts=_abouts(trace.steps))


def _abouts(steps: Iterable[Span]) -> dict[str, str]:
    """The inputs of child runs in short, by step."""
    children = {span.child: span.key for span in steps if span.child}
    inputs = RunData.objects.filter(run__in=list(children)[:MOST_CHILDREN], input__isnull=False)
    beginning = Substr(Cast("input", TextField()), 1, ABOUT_CHARACTERS)
    return {children[run]: in_short(text) for run, text in inputs.values_list("run", beginning)}


def changed_keys(run_id: str, since: int, until: int) -> set[str] | None:
    """Step keys with journal entries after ``since``; None when everything may have changed."""
    entries = Journal.objects.filter(run=run_id, seq__gt=since, seq__lte=until).values_list("kind", "key")
    keys = set()
    for kind, key in entries:
        if kind in SWEEPING:
            return None
        keys.add(key)
    return keys


def wire(trace: Trace, now: datetime) -> dict[str, Any]:
    """The snapshot: times are whole microseconds since ``t0``, phases are indexes into ``phases``."""
    run = trace.run
    return {
        "v": 1,
        "run": wire_run(trace) | {"id": run.id, "fn": run.function, "rev": run.seq, "t0": to_micros(run.queued_at)},
        "now": to_micros(now),
        "cols": COLUMNS,
        "phases": PHASES,
        "steps": wire_steps(trace),
    }


def wire_run(trace: Trace) -> dict[str, Any]:
    """What changes of the run itself: its status, its own bars."""
    final = Status(trace.run.status).final
    return {"st": trace.run.status, "fin": final, "bars": _bars(trace.own), "logs": trace.logs.get("", [])}


def wire_steps(trace: Trace) -> list[list[Any]]:
    """A row a step, as COLUMNS names them."""
    return [
        [
            *(span.key, span.op, span.status, span.ordinal, span.attempts, span.child, span.note, _bars(span)),
            *(trace.logs.get(span.key, []), trace.abouts.get(span.key, "")),
        ]
        for span in trace.steps
    ]


def wire_text(data: dict[str, Any]) -> str:
    """JSON that may stand inside a ``<script>`` element."""
    return orjson.dumps(data).decode().replace("<", "\\u003c")


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step as a row of the table that needs no script."""

    key: str
    operation: str
    status: str
    status_word: str
    attempts: int
    offset: str
    duration: str
    child: str | None
    about: str
    left: str
    width: str


def table_rows(trace: Trace, steps: Iterable[Span], now_us: int) -> list[StepRow]:
    """``left`` and ``width`` are percentages of the run's whole length."""
    whole = max(trace.own.end_us or now_us, 1)
    return [_table_row(span, whole, now_us, trace.abouts.get(span.key, "")) for span in steps]


def _table_row(span: Span, whole: int, now_us: int, about: str) -> StepRow:
    start = span.start_us or 0
    end = now_us if span.segments and span.end_us is None else span.end_us or start
    return StepRow(
        key=span.key,
        operation=OP_WORDS[span.op],
        status=span.status,
        status_word=STATUS_WORDS[span.status],
        attempts=span.attempts,
        offset=duration(start),
        duration=duration(end - start),
        child=span.child,
        about=about,
        left=f"{min(100 * start / whole, 99.5):.3f}%",
        width=f"{max(100 * (end - start) / whole, 0.5):.3f}%",
    )


def _bars(span: Span) -> list[list[int | None]]:
    return [[PHASE_NUMBER[s.phase], s.start_us, s.end_us, s.number] for s in span.segments]


def _attempt(row: Sequence[Any]) -> AttemptFacts:
    key, number, op, ordinal, status, queued_at, started_at, ended_at, reused, detail = row
    return AttemptFacts(
        key, number, OpKind(op), ordinal, Status(status), queued_at, started_at, ended_at, reused, detail or {}
    )
