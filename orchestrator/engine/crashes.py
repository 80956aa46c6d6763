"""A run whose own process died: tried again, alone, until it is plain that the run is to blame."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import orjson

from orchestrator.core.ops import ErrorInfo, RunErrored, Status, StepStarted
from orchestrator.engine.facts import RunFacts
from orchestrator.engine.journal.items import Checkpoint, Entry
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.recording import Recorder
from orchestrator.engine.rows import AttemptEnd, RunMove
from orchestrator.engine.sql import Id
from orchestrator.engine.values import error_json
from orchestrator.sdk.registry import Definition
from orchestrator.sdk.transport import StepRun

ALONE_AFTER = 2  # losses of its worker; from then on it may be the run that kills them
CRASHED = "run.crashed"
LAST_PROGRESS = (
    "coalesce((SELECT max(seq) FROM signalbox_journal WHERE run = ? AND kind LIKE ? AND kind <> 'step.started'), 0)"
)


def runs_alone(definition: Definition, facts: RunFacts) -> bool:
    """Whether the run executes in a process of its own."""
    return definition.limits.machine is not None or facts.lost >= ALONE_AFTER


def crashes_in_a_row(tx: Tx, run: str) -> int:
    """How often its own process died since a step of it last came further."""
    [(count,)] = tx.db.query(
        f"SELECT count(*) FROM signalbox_journal WHERE run = ? AND kind = ? AND seq > {LAST_PROGRESS}",
        [Id(run), CRASHED, Id(run), "step.%"],
    )
    return int(count)


def losses_in_a_row(tx: Tx, runs: Sequence[RunFacts]) -> list[RunFacts]:
    """The same runs; of those that lost several workers, ``lost`` counts since a step of theirs last came further."""
    return [replace(run, lost=_losses(tx, run.id)) if run.lost >= ALONE_AFTER else run for run in runs]


def _losses(tx: Tx, run: str) -> int:
    [(count,)] = tx.db.query(
        f"SELECT count(*) FROM signalbox_journal WHERE run = ? AND kind IN ('run.recovered', '{CRASHED}')"
        f" AND seq > {LAST_PROGRESS}",
        [Id(run), Id(run), "step.%"],
    )
    return int(count)


def crash(recorder: Recorder, reason: str, bodies: Sequence[StepRun], now: datetime) -> Checkpoint:
    """The run is queued again; an attempt that ran is lost."""
    checkpoint = lost(recorder, _died(reason), bodies, now)
    checkpoint.entries.append(_crashed(reason, bodies, now))
    checkpoint.move = RunMove(recorder.facts.id, Status.QUEUED, None, None, recorder.facts.attempt, None)
    return checkpoint


def quarantine(recorder: Recorder, reason: str, bodies: Sequence[StepRun], now: datetime, times: int) -> Checkpoint:
    """The run fails for good, with its ``on_failure`` function as for any other failure."""
    checkpoint = lost(recorder, _died(reason), bodies, now)
    checkpoint.entries.append(_crashed(reason, bodies, now))
    message = (
        f"its process died {times} times in a row, alone, {_place(bodies)} ({reason});"
        " mend the cause, then replay the run"
    )
    failed = RunErrored(ErrorInfo("WorkerLost", message, retriable=False), recorder.facts.started_at)
    checkpoint.absorb(recorder.record(failed, now))
    return checkpoint


def lost(recorder: Recorder, why: ErrorInfo, bodies: Sequence[StepRun], now: datetime) -> Checkpoint:
    """Attempts that ended with their process, through no fault of their own."""
    facts = recorder.facts
    checkpoint = Checkpoint(facts.id, facts.fence)
    error = error_json(why)
    for body in bodies:
        if body.recorded:
            end = AttemptEnd(facts.id, body.key, body.attempt, Status.LOST, now, None, None, error, None)
            checkpoint.ends.append(end)
        else:
            started = StepStarted(body.key, body.op, body.ordinal, body.attempt, body.started_at)
            checkpoint.rows.append(recorder.lost_attempt(started, error, now))
    return checkpoint


def _died(reason: str) -> ErrorInfo:
    return ErrorInfo("WorkerLost", f"the process {reason}")


def _crashed(reason: str, bodies: Sequence[StepRun], now: datetime) -> Entry:
    data = orjson.dumps({"reason": reason, "steps": [body.key for body in bodies]}).decode()
    return Entry(CRASHED, now, data=data)


def _place(bodies: Sequence[StepRun]) -> str:
    names = " and ".join(repr(body.key) for body in bodies)
    return f"in step {names}" if names else "outside its steps"
