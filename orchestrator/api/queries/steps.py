"""A run's steps, made of its attempts."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from orchestrator.api.values import Attempt, Error, Step
from orchestrator.core.ops import OpKind, Status
from orchestrator.core.trace import AttemptFacts, RunFacts, Span, step_spans
from orchestrator.models import Attempt as AttemptRow
from orchestrator.models import Run as RunRow


def steps_of(run: RunRow, attempts: Sequence[AttemptRow], blobs: Mapping[str, Any]) -> list[Step]:
    """The steps in order of first appearance; their status is what the waterfall shows."""
    facts = RunFacts(Status(run.status), run.queued_at, run.started_at, run.ended_at)
    spans = step_spans(facts, [attempt_facts(row) for row in attempts])
    by_key = {key: list(group) for key, group in groupby(_in_order(attempts), key=lambda row: row.key)}
    return [_step(span, by_key[span.key], by_key.keys(), blobs) for span in spans]


def step_name(step_id: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """What the author wrote: ``charge`` for the repeat ``charge:1``, if there is a step ``charge``."""
    name, _, repeat = step_id.rpartition(":")
    return name if repeat.isdecimal() and name in known else step_id


def error_of(stored: Mapping[str, Any] | None) -> Error | None:
    if stored is None:
        return None
    return Error(stored.get("type", ""), stored.get("message", ""), stored.get("traceback", ""))


def _step(span: Span, attempts: Sequence[AttemptRow], known: Any, blobs: Mapping[str, Any]) -> Step:
    last = attempts[-1]
    return Step(
        id=span.key,
        name=step_name(span.key, known),
        op=span.op,
        status=span.status,
        started_at=attempts[0].started_at,
        ended_at=last.ended_at if span.status.final else None,
        output=blobs.get(last.blob) if last.blob else last.output,
        attempts=[_attempt(row) for row in attempts],
    )


def _attempt(row: AttemptRow) -> Attempt:
    return Attempt(
        number=row.number,
        status=Status(row.status),
        queued_at=row.queued_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        worker=row.worker,
        error=error_of(row.error),
    )


def attempt_facts(row: AttemptRow) -> AttemptFacts:
    """An attempt without its values, for the waterfall."""
    return AttemptFacts(
        key=row.key,
        number=row.number,
        op=OpKind(row.op),
        ordinal=row.ordinal,
        status=Status(row.status),
        queued_at=row.queued_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        reused=row.reused,
        detail=row.detail or {},
    )


def _in_order(attempts: Sequence[AttemptRow]) -> list[AttemptRow]:
    return sorted(attempts, key=lambda row: (row.key, row.number))
