"""A run whose process ran out of memory: it goes on with more, or the steps that ran have failed."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from orchestrator.core.machines import Machine
from orchestrator.core.ops import ErrorInfo, RunErrored, Status, StepErrored
from orchestrator.core.retry import Retries, Retry, decide
from orchestrator.engine.crashes import lost
from orchestrator.engine.journal.items import Checkpoint, Entry
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.recording import Recorder
from orchestrator.engine.rows import RunMove
from orchestrator.engine.sql import Id
from orchestrator.sdk.transport import StepRun

ENLARGED = "run.enlarged"


def was_enlarged(tx: Tx, run: str) -> bool:
    """Whether it goes on with its larger machine already."""
    return bool(tx.db.query("SELECT 1 FROM signalbox_journal WHERE run = ? AND kind = ? LIMIT 1", [Id(run), ENLARGED]))


def enlarge(
    recorder: Recorder, larger: Machine, error: ErrorInfo, steps: Sequence[StepRun], now: datetime
) -> Checkpoint:
    """The run is queued again, for a larger machine; attempts that ran are lost, which uses up no retry."""
    checkpoint = lost(recorder, error, steps, now)
    data = {"machine": str(larger), "reason": error.message, "steps": [step.key for step in steps]}
    checkpoint.entries.append(Entry(ENLARGED, now, data=orjson.dumps(data).decode()))
    checkpoint.move = RunMove(recorder.facts.id, Status.QUEUED, None, None, recorder.facts.attempt, None)
    return checkpoint


def fail(
    recorder: Recorder, policy: Retries, error: ErrorInfo, steps: Sequence[StepRun], *, now: datetime, entropy: float
) -> Checkpoint:
    """The steps that ran have failed, or else the function itself; they are tried again by their policies."""
    facts = recorder.facts
    if not steps:
        verdict = decide(policy, facts.attempt, error, now, entropy)
        return recorder.record(RunErrored(error, facts.started_at, _when(verdict)), now)
    checkpoint = Checkpoint(facts.id, facts.fence)
    moments = []
    for step in steps:
        retry_at = _when(decide(step.retries or policy, step.attempt - step.lost, error, now, entropy))
        place = (step.key, step.op, step.ordinal, step.attempt, step.started_at)
        checkpoint.absorb(recorder.record(StepErrored(*place, now, error, retry_at, recorded=step.recorded), now))
        moments.append(retry_at)
    if None in moments:  # the function has to be told
        checkpoint.absorb(recorder.requeue("memory ran out", now, ()))
    else:
        checkpoint.absorb(recorder.rest(now))
    return checkpoint


def _when(verdict: object) -> datetime | None:
    return verdict.at if isinstance(verdict, Retry) else None
