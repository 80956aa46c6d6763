"""Runs as answers: pages of them, and one with its steps and attempts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.api.cursors import id_position, read_cursor
from orchestrator.api.queries.gates import gate_reasons
from orchestrator.api.queries.inputs import load_inputs
from orchestrator.api.queries.missing import no_run
from orchestrator.api.queries.pauses import pause_reasons
from orchestrator.api.queries.rows import page, rows, take
from orchestrator.api.queries.run_filter import RunFilter, chosen_runs
from orchestrator.api.queries.steps import error_of, steps_of
from orchestrator.api.queries.usage import progress_of, samples_of
from orchestrator.api.queries.waits import load_parked, load_waits, waiting_for
from orchestrator.api.values import Page, Run
from orchestrator.core.errors import RunNotFound
from orchestrator.core.ops import Status
from orchestrator.models import Attempt, Blob, RunData, RunEvent, Wait
from orchestrator.models import Run as RunRow


def list_runs(env: int, chosen: RunFilter, *, cursor: str | None = None, limit: int = 50) -> Page[Run]:
    """Runs without their steps, newest first. Eleven queries at most. Raises InvalidCursor."""
    found = chosen_runs(env, chosen).order_by("-id")
    if (before := read_cursor("runs", cursor, id_position)) is not None:
        found = found.filter(id__lt=before)
    shown, more = take(found, limit)
    related = _load_related(shown, whole=False)
    parked = load_parked(related.waits)
    return page("runs", [_run(row, related, parked) for row in shown], more, lambda run: run.id)


def get_run(env: int, run_id: str) -> Run:
    """One run with its steps, attempts, samples and large values. Thirteen queries at most. Raises RunNotFound."""
    row = rows(RunRow).filter(env=env, id=run_id).first()
    if row is None:
        raise RunNotFound(no_run(env, run_id))
    related = _load_related([row], whole=True)
    attempts = list(rows(Attempt).filter(run=run_id))
    return _run(row, related, attempts, whole=True)


def ensure_run(env: int, run_id: str) -> None:
    """Raises RunNotFound unless the run is one of this environment. One query."""
    if not rows(RunRow).filter(env=env, id=run_id).exists():
        raise RunNotFound(no_run(env, run_id))


@dataclass(frozen=True, slots=True)
class _Related:
    """What belongs to runs and lies in other tables, by run."""

    data: Mapping[str, RunData]
    event_ids: Mapping[str, list[str]]
    inputs: Mapping[str, Any]
    waits: Mapping[str, list[Wait]]
    held: Mapping[str, str]


def _load_related(runs: Sequence[RunRow], *, whole: bool) -> _Related:
    ids = [run.id for run in runs]
    event_ids: dict[str, list[str]] = {id: [] for id in ids}
    for run, event in rows(RunEvent).filter(run__in=ids).order_by("run", "n").values_list("run", "event"):
        event_ids[run].append(event)
    data = {row.run: row for row in rows(RunData).filter(run__in=ids).defer("input")}
    held = {**gate_reasons(runs), **pause_reasons(runs)}
    return _Related(data, event_ids, load_inputs(event_ids, whole=whole), load_waits(runs), held)


def _load_blobs(data: RunData | None, attempts: Sequence[Attempt]) -> dict[str, Any]:
    ids = [attempt.blob for attempt in attempts if attempt.blob]
    if data and data.output_blob:
        ids.append(data.output_blob)
    return {id: orjson.loads(body) for id, body in rows(Blob).filter(id__in=ids).values_list("id", "body")}


def _run(row: RunRow, related: _Related, attempts: Sequence[Attempt], *, whole: bool = False) -> Run:
    data = related.data.get(row.id)
    blobs = _load_blobs(data, attempts) if whole else {}
    return Run(
        id=row.id,
        function=row.function,
        status=Status(row.status),
        trigger=row.trigger,
        event_ids=related.event_ids[row.id],
        input=related.inputs[row.id],
        output=_output(data, blobs),
        error=error_of(data.error if data else None),
        waiting_for=_reasons(row, related, attempts),
        queued_at=row.queued_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        parent_run_id=row.parent,
        replay_of=row.replay_of,
        tags=data.tags if data else [],
        progress=progress_of(row.id) if whole else None,
        samples=samples_of(row.id) if whole else [],
        steps=steps_of(row, attempts, blobs) if whole else [],
    )


def _reasons(row: RunRow, related: _Related, attempts: Sequence[Attempt]) -> list[str]:
    """Why it does not move: a pause, or a limit that is full, comes before what it waits for."""
    held = related.held.get(row.id)
    return [*([held] if held else []), *waiting_for(row, related.waits.get(row.id, []), attempts)]


def _output(data: RunData | None, blobs: Mapping[str, Any]) -> Any:
    if data is None:
        return None
    return blobs.get(data.output_blob) if data.output_blob else data.output
