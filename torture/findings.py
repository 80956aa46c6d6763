"""All that the database and the bodies' file say, read once and sorted by run."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from torture.database import Database
from torture.witness import Line, read_lines

RUNS = (
    "SELECT r.id, r.function, r.status, r.parent, r.parent_key, r.replay_of, CAST(d.output AS text),"
    " CAST(d.error AS text) FROM signalbox_run r JOIN signalbox_run_data d ON d.run = r.id"
)
ATTEMPTS = (
    "SELECT run, key, number, op, status, worker, fence FROM signalbox_attempt"
    " WHERE reused = {false} AND op IN ('run', 'transaction') ORDER BY run, key, number"
)
SENT = (
    "SELECT e.id, e.external_id, e.source_run, CAST(e.data AS text), e.name, e.duplicate_of, re.run"
    " FROM signalbox_event e LEFT JOIN signalbox_run_event re ON re.event = e.id"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    key: str
    number: int
    op: str
    status: str
    pid: int
    fence: int


@dataclass(slots=True)
class Run:
    id: str
    function: str
    status: str
    parent: str | None
    parent_key: str | None
    replay_of: str | None
    output: object
    error: str | None
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    lines: dict[str, list[Line]] = field(default_factory=dict)
    children: "dict[str, list[Run]]" = field(default_factory=dict)
    bookings: list[str] = field(default_factory=list)
    parcels: "dict[str, list[Event]]" = field(default_factory=dict)


@dataclass(slots=True)
class Event:
    id: str
    external_id: str | None
    source_run: str | None
    data: dict[str, object]
    name: str
    duplicate_of: str | None
    runs: list[str]


@dataclass(slots=True)
class Findings:
    runs: dict[str, Run]
    events: dict[str, Event]

    def forks(self, run: str) -> list[Run]:
        return [found for found in self.runs.values() if found.replay_of == run]


def read_findings(database: Database, witness: Path, *, postgres: bool) -> Findings:
    """Everything, each thing at its run."""
    runs = {row[0]: _run(row) for row in database.rows(RUNS)}
    for run in runs.values():
        if run.parent in runs:
            runs[run.parent].children.setdefault(run.parent_key or "", []).append(run)
    for row in database.rows(ATTEMPTS.format(false="false" if postgres else "0")):
        runs[row[0]].attempts.setdefault(row[1], []).append(_attempt(row))
    for line in read_lines(witness):
        if line.run in runs:
            runs[line.run].lines.setdefault(line.step, []).append(line)
    for run_id, step in database.rows("SELECT run, step FROM torture_booking"):
        runs[run_id].bookings.append(step)
    events = _events(database)
    for event in events.values():
        if event.source_run in runs:
            runs[event.source_run].parcels.setdefault(str(event.data.get("step")), []).append(event)
    return Findings(runs, events)


def _run(row: tuple[Any, ...]) -> Run:
    id_, function, status, parent, parent_key, replay_of, output, error = row
    return Run(id_, function, status, parent, parent_key, replay_of, _decoded(output), error)


def _attempt(row: tuple[Any, ...]) -> Attempt:
    _, key, number, op, status, worker, fence = row
    return Attempt(key, number, op, status, int(worker.rpartition(":")[2] or 0), fence)


def _events(database: Database) -> dict[str, Event]:
    starts: dict[str, list[str]] = defaultdict(list)
    events = {}
    for id_, external_id, source_run, data, name, duplicate_of, run in database.rows(SENT):
        events[id_] = Event(id_, external_id, source_run, _decoded(data) or {}, name, duplicate_of, starts[id_])
        if run:
            starts[id_].append(run)
    return events


def _decoded(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
