"""The inspector: one step, or the run itself, with its values, error, attempts and logs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from console.presenters import tracebacks
from console.presenters.text import OP_WORDS, STATUS_WORDS, between, pretty, size
from console.presenters.waiting import Line, line
from orchestrator.core.ops import OpKind, Status
from orchestrator.models import Attempt, Blob, Event, Log, Run, RunData, RunEvent, Wait

INLINE_BYTES = 65_536
LOG_LINES = 500
TABS = {"output": "Output", "input": "Input", "error": "Error", "attempts": "Attempts", "logs": "Logs"}


@dataclass(frozen=True, slots=True)
class Value:
    """A JSON value to show. ``cut`` means that only its beginning is here; the rest can be downloaded."""

    text: str
    size: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class AttemptRow:
    number: int
    status: str
    word: str
    started_at: Any
    queued: str
    ran: str
    worker: str
    error: str


@dataclass(frozen=True, slots=True)
class LogLine:
    at: datetime
    clock: str
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Inspector:
    run: Run
    key: str
    title: str
    kind: str
    status: str
    word: str
    number: int
    # The attempt that was asked for by its number: it stays chosen from tab to tab.
    asked: int | None
    tab: str
    tabs: Sequence[tuple[str, str, str]]
    timing: Sequence[tuple[str, str]]
    child: str | None = None
    replayable: bool = False
    wait: Line | None = None
    value: Value | None = None
    error: Mapping[str, Any] | None = None
    blocks: Sequence[tracebacks.Block] = ()
    attempts: Sequence[AttemptRow] = ()
    logs: Sequence[LogLine] = ()
    logs_cut: bool = False


def inspector(run: Run, key: str, number: int | None = None, tab: str = "") -> Inspector | None:
    """What to show of step ``key`` ('' is the run), None when there is no such step or attempt."""
    attempts = list(Attempt.objects.filter(run=run.id, key=key).order_by("number"))
    if not attempts and key:
        return None
    shown = next((row for row in attempts if row.number == number), None) if number else _last(attempts)
    if number and shown is None:
        return None
    error = _error(run, shown)
    logs = (
        Log.objects.filter(run=run.id, key=key).order_by("id") if key else Log.objects.filter(run=run.id).order_by("id")
    )
    if number:
        logs = logs.filter(number=number)
    lines = list(logs[: LOG_LINES + 1])
    given = _input(run, shown)
    has = {"output": "", "attempts": str(len(attempts)), "logs": str(len(lines)) if lines else ""}
    tabs = [
        (name, word, has.get(name, ""))
        for name, word in TABS.items()
        if not (name == "error" and not error) and not (name == "input" and given is None)
    ]
    chosen = tab if tab in {name for name, _, _ in tabs} else "error" if error else "output"
    status = Status(shown.status if shown and key else run.status)
    return Inspector(
        run=run,
        key=key,
        title=key or run.function,
        kind=OP_WORDS[OpKind(shown.op)] if shown and key else "Run",
        status=status,
        word=STATUS_WORDS[status],
        number=shown.number if shown else 1,
        asked=number,
        tab=chosen,
        tabs=tabs,
        timing=_timing(run, shown if key else None),
        child=(shown.detail or {}).get("run") if shown and shown.op == OpKind.INVOKE else None,
        replayable=bool(key),
        wait=_wait(run, key),
        value=_output(run, shown) if chosen == "output" else given if chosen == "input" else None,
        error=error if chosen == "error" else None,
        blocks=tracebacks.parse(str(error.get("traceback", ""))) if error and chosen == "error" else (),
        attempts=[_attempt_row(row) for row in attempts] if chosen == "attempts" else (),
        logs=[_log_line(line) for line in lines[:LOG_LINES]] if chosen == "logs" else (),
        logs_cut=len(lines) > LOG_LINES,
    )


def full_value(run: Run, key: str, number: int | None) -> str | None:
    """The whole output of an attempt, or of the run, as JSON text."""
    if not key:
        data = RunData.objects.filter(run=run.id).first()
        return _whole(data.output, data.output_blob) if data else None
    rows = Attempt.objects.filter(run=run.id, key=key)
    row = (rows.filter(number=number) if number else rows).order_by("-number").first()
    return _whole(row.output, row.blob) if row else None


def value(data: Any, whole_size: int | None = None) -> Value:
    """A value as indented text, cut to what a page can bear."""
    text = pretty(data)
    return Value(text[:INLINE_BYTES], size(whole_size or len(orjson.dumps(data))), len(text) > INLINE_BYTES)


def _whole(output: Any, blob: str | None) -> str:
    if blob:
        return Blob.objects.get(id=blob).body
    return pretty(output)


def _last(attempts: Sequence[Attempt]) -> Attempt | None:
    return attempts[-1] if attempts else None


def _output(run: Run, row: Attempt | None) -> Value | None:
    if row and row.key:
        output, blob = row.output, row.blob
        settled = row.status == Status.COMPLETED
    else:
        data = RunData.objects.filter(run=run.id).first()
        output, blob = (data.output, data.output_blob) if data else (None, None)
        settled = run.status == Status.COMPLETED
    if blob:
        stored = Blob.objects.get(id=blob)
        return Value(stored.body[:INLINE_BYTES], size(stored.size), cut=True)
    return value(output) if settled else None


def _input(run: Run, row: Attempt | None) -> Value | None:
    if row and row.key:
        if row.op == OpKind.INVOKE and (child := (row.detail or {}).get("run")):
            data = RunData.objects.filter(run=child).first()
            return value(data.input) if data else None
        return value(row.detail) if row.detail and row.op != OpKind.RUN else None
    data = RunData.objects.filter(run=run.id).only("input").first()
    if data and data.input is not None:
        return value(data.input)
    ids = list(RunEvent.objects.filter(run=run.id).order_by("n").values_list("event", flat=True))
    events = Event.objects.in_bulk(ids)
    given = [{"name": events[id].name, "data": events[id].data} for id in ids if id in events]
    return value(given[0] if len(given) == 1 else given) if given else None


def _error(run: Run, row: Attempt | None) -> Mapping[str, Any] | None:
    if row and row.key:
        return row.error
    return RunData.objects.filter(run=run.id).values_list("error", flat=True).first()


def _timing(run: Run, row: Attempt | None) -> list[tuple[str, str]]:
    queued, started, ended = (
        (row.queued_at, row.started_at, row.ended_at) if row else (run.queued_at, run.started_at, run.ended_at)
    )
    shown = [("Queued", between(queued, started))] if queued and started and queued < started else []
    shown += [("Ran", between(started, ended))] if ended else []
    return shown


def _wait(run: Run, key: str) -> Line | None:
    """What the step waits for now."""
    wait = None if run.ended_at or not key else Wait.objects.filter(run=run.id, key=key).first()
    return line(wait) if wait else None


def _log_line(line: Log) -> LogLine:
    return LogLine(line.at, line.at.strftime("%H:%M:%S.%f")[:-3], line.level.lower(), line.message)


def _attempt_row(row: Attempt) -> AttemptRow:
    error = row.error or {}
    return AttemptRow(
        number=row.number,
        status=row.status,
        word=STATUS_WORDS[Status(row.status)],
        started_at=row.started_at,
        queued=between(row.queued_at, row.started_at),
        ran=between(row.started_at, row.ended_at),
        worker=row.worker,
        error=f"{error.get('type')}: {error.get('message', '')}" if error else "",
    )
