"""What ``runs show`` says of a run around its waterfall: what it is, what it waits for, why it failed, its logs."""

from collections.abc import Iterator
from datetime import datetime

import orjson

from orchestrator.api.queries.history import list_logs
from orchestrator.api.queries.rows import rows
from orchestrator.api.values import Error, LogLine, Run
from orchestrator.core.durations import format_duration
from orchestrator.core.ops import Status
from orchestrator.management.ink import STATUS_TONES, Ink, Tone, printable
from orchestrator.models import Event, Log

MOST_ERRORS = 20
MOST_WARNINGS = 20
TRACEBACK_LINES = 15
VALUE_CHARACTERS = 2_000
LOG_PAGE = 500
WARNINGS = {"logger": "signalbox", "level": "WARNING"}  # what the engine tells a function's author


def head(run: Run, ink: Ink, now: datetime) -> Iterator[str]:
    """Which run it is, what started it, and how long it has taken."""
    took = format_duration((run.ended_at or now) - run.queued_at)
    status = ink.status(run.status)
    yield f"{ink.paint(printable(run.function), Tone.BOLD)}  {status}  {took}"
    yield f"run {run.id}, queued {run.queued_at:%Y-%m-%d %H:%M:%S} UTC by {_origin(run)}"
    if run.parent_run_id:
        yield f"child of run {run.parent_run_id}"
    if run.replay_of:
        yield f"replay of run {run.replay_of}"


def reasons(run: Run, ink: Ink) -> Iterator[str]:
    """What it waits for, which attempts failed and why, and what came out."""
    for sentence in run.waiting_for:
        words = "" if sentence.startswith("Paused: ") else "waits for "
        yield f"{ink.arrow} {words}{printable(sentence)}"
    failed = [(step.id, attempt) for step in run.steps for attempt in step.attempts if attempt.error is not None]
    if len(failed) > MOST_ERRORS:
        yield f"{ink.more} {len(failed) - MOST_ERRORS} failed attempts before these; --json lists all"
    for step, attempt in failed[-MOST_ERRORS:]:
        yield _failure(f"{step}, attempt {attempt.number}", attempt.error, ink)
    if run.error is not None:
        yield _failure("run", run.error, ink)
        lines = run.error.traceback.rstrip().splitlines()
        if len(lines) > TRACEBACK_LINES:
            yield f"  {ink.paint(f'{ink.more} {len(lines) - TRACEBACK_LINES} lines above', Tone.FAINT)}"
        yield from (f"  {ink.paint(_kept(line), Tone.FAINT)}".rstrip() for line in lines[-TRACEBACK_LINES:])
    if run.status is Status.COMPLETED:
        yield f"output {_value(run.output, ink)}"


def warnings(run_id: str, ink: Ink) -> Iterator[str]:
    """What the engine found that the function's author should know."""
    for row in rows(Log).filter(run=run_id, **WARNINGS).order_by("id")[:MOST_WARNINGS]:
        yield ink.paint(f"! {printable(row.message)}", Tone.WARN)


def logs(run_id: str, ink: Ink) -> Iterator[str]:
    """Every line that was logged or printed in the run, oldest first."""
    cursor: str | None = None
    while True:
        found = list_logs(run_id, cursor=cursor, limit=LOG_PAGE)
        for line in found.data:
            yield from _log(line, ink)
        cursor = found.next_cursor
        if cursor is None:
            return


def short_type(error: Error) -> str:
    """The class without its module: the traceback has it whole."""
    return error.type.rpartition(".")[2]


def _origin(run: Run) -> str:
    if not run.event_ids:
        return run.trigger
    names = list(rows(Event).filter(id__in=run.event_ids[:1]).values_list("name", flat=True))
    name = printable(names[0]) if names else ""
    more = f" and {len(run.event_ids) - 1} more" if len(run.event_ids) > 1 else ""
    kind = "" if run.trigger == "event" else f"{run.trigger}, "
    return f"{kind}event {name} {run.event_ids[0]}{more}"


def _failure(where: str, error: Error | None, ink: Ink) -> str:
    assert error is not None
    mark = ink.paint(ink.shapes[Status.FAILED], STATUS_TONES[Status.FAILED])
    first = next(iter(error.message.splitlines()), "")
    return f"{mark} {printable(where)}: {printable(f'{short_type(error)}: {first}'.rstrip(': '))}"


def _value(value: object, ink: Ink) -> str:
    text = printable(orjson.dumps(value).decode())
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}{ink.more} (--json has all of it)"


def _log(line: LogLine, ink: Ink) -> Iterator[str]:
    step = f" {printable(line.step_id)}" if line.step_id else ""
    attempt = f" #{line.attempt}" if line.attempt > 1 else ""
    tone = Tone.BAD if line.level in ("ERROR", "CRITICAL") else Tone.WARN if line.level == "WARNING" else Tone.PLAIN
    first, *rest = line.message.splitlines() or [""]
    level = ink.paint(f"{line.level:<7}", tone)
    yield f"{ink.paint(format(line.at, '%H:%M:%S.%f')[:-3], Tone.FAINT)} {level}{step}{attempt}  {printable(first)}"
    yield from (f"    {_kept(each)}" for each in rest)


def _kept(line: str) -> str:
    """A line of text with its indent."""
    return printable(line.expandtabs(4))
