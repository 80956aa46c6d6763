"""From ops to rows: what each op of a run writes into its checkpoint."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from orchestrator.core.errors import Unserialisable
from orchestrator.core.machine import OpenWait, resting_place
from orchestrator.core.moments import iso
from orchestrator.core.ops import (
    CallRequest,
    ErrorInfo,
    Op,
    OpKind,
    RunBlocked,
    RunCompleted,
    RunErrored,
    Status,
    StepCompleted,
    StepErrored,
    StepStarted,
    WaitKind,
    WaitOpened,
)
from orchestrator.engine.endings import end_checkpoint
from orchestrator.engine.facts import RunFacts
from orchestrator.engine.journal.items import Checkpoint, Entry
from orchestrator.engine.rows import AttemptEnd, AttemptRow, RunMove, RunResult, WaitRow
from orchestrator.engine.starting import Starting
from orchestrator.engine.values import Stored, error_json, store
from orchestrator.sdk.transport import StepRun


@dataclass(slots=True)
class Recorder:
    """Writes for one run. ``worker`` is the label shown beside each attempt."""

    facts: RunFacts
    request: CallRequest
    worker: str
    starting: Starting
    inline_bytes: int
    max_bytes: int
    waits: dict[str, OpenWait] = field(default_factory=dict)  # what is open now
    bodies: set[str] = field(default_factory=set)  # bodies that run and were recorded

    def record(self, op: Op, now: datetime) -> Checkpoint:
        """The checkpoint of an op. Raises Unserialisable for an output that is too large."""
        checkpoint = Checkpoint(self.facts.id, self.facts.fence)
        _WRITERS[type(op)](self, checkpoint, op, now)
        return checkpoint

    def record_end(self, op: Op, now: datetime) -> Checkpoint:
        """The checkpoint of a function's end; an output that is too large fails the run."""
        try:
            return self.record(op, now)
        except Unserialisable as error:
            started_at = op.started_at if isinstance(op, RunCompleted) else now
            return self.record(RunErrored(ErrorInfo("Unserialisable", str(error), retriable=False), started_at), now)

    def retries_by(self, moment: datetime) -> bool:
        """Whether a step is tried again until then."""
        waits = self.waits.values()
        return any(w.kind is WaitKind.RETRY and w.due_at is not None and w.due_at <= moment for w in waits)

    def wakes_by(self, moment: datetime) -> bool:
        """Whether any of its waits is over until then."""
        return any(wait.due_at is not None and wait.due_at <= moment for wait in self.waits.values())

    def sleeps_until(self) -> datetime | None:
        """When its first sleep is over, if it waits for nothing but sleeps."""
        waits = self.waits.values()
        if any(wait.kind is not WaitKind.TIMER for wait in waits):
            return None
        return min((wait.due_at for wait in waits if wait.due_at is not None), default=None)

    def rest(self, now: datetime) -> Checkpoint:
        """The run gives up its owner until a message or a timer comes."""
        status, due_at = resting_place((wait.kind, wait.due_at) for wait in self.waits.values())
        data = {"until": iso(due_at)} if due_at else {}
        entry = Entry(f"run.{status}", now, data=_json(data))
        move = RunMove(self.facts.id, status, None, due_at, self.facts.attempt, None)
        return Checkpoint(self.facts.id, self.facts.fence, entries=[entry], move=move)

    def requeue(
        self, reason: str, now: datetime, bodies: Sequence[StepRun], asleep_until: datetime | None = None
    ) -> Checkpoint:
        """The run goes on from here, wherever it is claimed next; ``bodies`` that still run are lost."""
        ends = [
            AttemptEnd(self.facts.id, body.key, body.attempt, Status.LOST, now, None, None, None, None)
            for body in bodies
        ]
        entry = Entry("run.queued", now, data=_json({"reason": reason}))
        status = Status.SLEEPING if asleep_until else Status.QUEUED
        move = RunMove(self.facts.id, status, None, asleep_until, self.facts.attempt, None)
        return Checkpoint(self.facts.id, self.facts.fence, entries=[entry], move=move, ends=ends)

    def store(self, text: str) -> Stored:
        if len(text) * 4 <= self.inline_bytes:  # whatever its characters are
            return Stored(text)
        new_id = self.starting.clock.new_id
        return store(self.facts.id, text, new_id, inline_bytes=self.inline_bytes, max_bytes=self.max_bytes)

    def lost_attempt(self, op: StepStarted, error: str, now: datetime) -> AttemptRow:
        """A body that nobody had seen run before its process died."""
        return self._attempt(op, Status.LOST, number=op.attempt, ended_at=now, error=error)

    def _attempt(
        self,
        op: StepCompleted | StepStarted | StepErrored | WaitOpened,
        status: Status,
        *,
        number: int = 1,
        ended_at: datetime | None = None,
        output: str | None = None,
        blob: str | None = None,
        error: str | None = None,
        detail: str | None = None,
    ) -> AttemptRow:
        facts = self.facts
        step = (facts.id, op.key, number, op.op, op.ordinal, status)
        held = (None, op.started_at, ended_at, self.worker, facts.fence)
        return AttemptRow(*step, *held, output, blob, error, detail)

    def _end(self, checkpoint: Checkpoint, op: StepCompleted | StepErrored, row: AttemptRow) -> None:
        """The attempt's end: an update of its row when others saw it run, else its one insert."""
        if not op.recorded:
            checkpoint.rows.append(row)
            return
        self.bodies.discard(op.key)
        values = (row.output, row.blob, row.error, row.detail)
        checkpoint.ends.append(AttemptEnd(row.run, row.key, row.number, row.status, op.ended_at, *values))

    def step_completed(self, checkpoint: Checkpoint, op: StepCompleted, now: datetime) -> None:
        stored = self.store(op.output)
        detail: dict[str, Any] = {}
        if op.events:
            detail["events"] = [event.id for event in op.events]
            checkpoint.starts += self.starting.from_run(self.facts, op.events, now)
        for child in op.children:
            detail |= {"function": child.function, "run": child.id}
            checkpoint.children.append(self.starting.child(self.facts, op.key, child, now))
        row = self._attempt(
            op,
            Status.COMPLETED,
            number=op.attempt,
            ended_at=op.ended_at,
            output=stored.text,
            blob=stored.blob,
            detail=_json(detail),
        )
        self._end(checkpoint, op, row)
        if stored.row:
            checkpoint.rows.append(stored.row)
        checkpoint.entries.append(Entry("step.completed", op.ended_at, op.key, op.attempt))
        checkpoint.taken_mail = op.signal

    def step_started(self, checkpoint: Checkpoint, op: StepStarted, now: datetime) -> None:
        self.bodies.add(op.key)
        checkpoint.rows.append(self._attempt(op, Status.RUNNING, number=op.attempt))
        checkpoint.entries.append(Entry("step.started", op.started_at, op.key, op.attempt))

    def step_errored(self, checkpoint: Checkpoint, op: StepErrored, now: datetime) -> None:
        detail = {"retry_at": iso(op.retry_at)} if op.retry_at else {}
        error = error_json(op.error)
        row = self._attempt(
            op, Status.FAILED, number=op.attempt, ended_at=op.ended_at, error=error, detail=_json(detail)
        )
        self._end(checkpoint, op, row)
        kind = "step.retrying" if op.retry_at else "step.failed"
        data = _json({"type": op.error.type, "message": op.error.message[:500], **detail})
        checkpoint.entries.append(Entry(kind, op.ended_at, op.key, op.attempt, data=data))
        if op.retry_at:
            self._open(checkpoint, OpenWait(op.key, WaitKind.RETRY, "", op.attempt + 1, op.retry_at), now)

    def wait_opened(self, checkpoint: Checkpoint, op: WaitOpened, now: datetime) -> None:
        status = Status.SLEEPING if op.wait is WaitKind.TIMER else Status.WAITING
        until = iso(op.due_at) if op.due_at else None
        detail: dict[str, Any] = {"until": until}
        if op.wait is WaitKind.EVENT:
            detail |= {"event": op.name, "match": op.text}
        elif op.wait is WaitKind.SIGNAL:
            detail |= {"signal": op.name}
        if op.child is not None:
            detail |= {"function": op.child.function, "run": op.child.id}
            checkpoint.children.append(self.starting.child(self.facts, op.key, op.child, now))
        checkpoint.rows.append(self._attempt(op, status, detail=_json(detail)))
        checkpoint.entries.append(Entry(f"step.{status}", op.started_at, op.key, 1, data=_json(detail)))
        wait = OpenWait(op.key, op.wait, op.name, 1, op.due_at)
        self._open(checkpoint, wait, now, eq=op.eq, expr=op.expr)

    def _open(
        self, checkpoint: Checkpoint, wait: OpenWait, now: datetime, *, eq: str = "", expr: str | None = None
    ) -> None:
        self.waits[wait.key] = wait
        checkpoint.rows.append(
            WaitRow(
                self.facts.id, wait.key, wait.kind, self.facts.env, wait.name, eq, expr, wait.number, wait.due_at, now
            )
        )

    def run_completed(self, checkpoint: Checkpoint, op: RunCompleted, now: datetime) -> None:
        stored = self.store(op.output)
        end_checkpoint(
            checkpoint,
            self.facts,
            Status.COMPLETED,
            now,
            stored=stored,
            cancel_children=bool(self.waits or self.bodies),
        )
        if self.starting.catalog.expects(self.facts.env, self.facts.function):
            checkpoint.success = (self.facts.env, self.facts.function)
        self._own_attempt(checkpoint, op, now)

    def run_errored(self, checkpoint: Checkpoint, op: RunErrored, now: datetime) -> None:
        self._own_attempt(checkpoint, op, now)
        if op.retry_at is None:
            end_checkpoint(checkpoint, self.facts, op.status, now, error=op.error, cancel_children=True)
            checkpoint.starts += self.starting.after_failure(self.facts, self.request, op.error, now)
            return
        detail = {"retry_at": iso(op.retry_at)}
        data = _json({"type": op.error.type, "message": op.error.message[:500], **detail})
        checkpoint.entries.append(Entry("run.retrying", now, "", self.facts.attempt, data=data))
        next_attempt = self.facts.attempt + 1
        self._open(checkpoint, OpenWait("", WaitKind.RETRY, "", next_attempt, op.retry_at), now)
        checkpoint.move = RunMove(self.facts.id, Status.RETRYING, None, op.retry_at, next_attempt, None)

    def run_blocked(self, checkpoint: Checkpoint, op: RunBlocked, now: datetime) -> None:
        facts = {"key": op.key, "expected": op.expected, "got": op.got}
        message = f"step {op.key!r} is recorded as {op.expected}, the code now asks for {op.got}"
        error = {"type": "Blocked", "message": message, "traceback": ""}
        checkpoint.entries.append(Entry("run.blocked", now, data=_json(facts)))
        checkpoint.result = RunResult(self.facts.id, None, None, _json(error))
        checkpoint.move = RunMove(self.facts.id, Status.BLOCKED, None, None, self.facts.attempt, None)

    def _own_attempt(self, checkpoint: Checkpoint, op: RunCompleted | RunErrored, now: datetime) -> None:
        """The row of the function's own attempt."""
        error, retry_at = (op.error, op.retry_at) if isinstance(op, RunErrored) else (None, None)
        checkpoint.rows.append(
            AttemptRow(
                run=self.facts.id,
                key="",
                number=self.facts.attempt,
                op=OpKind.FUNCTION,
                ordinal=0,
                status=Status.FAILED if error else Status.COMPLETED,
                queued_at=self.facts.queued_at,
                started_at=op.started_at,
                ended_at=now,
                worker=self.worker,
                fence=self.facts.fence,
                output=None,
                blob=None,
                error=error_json(error) if error else None,
                detail=_json({"retry_at": iso(retry_at)}) if retry_at else None,
            )
        )


_WRITERS: dict[type, Callable[..., None]] = {
    StepCompleted: Recorder.step_completed,
    StepStarted: Recorder.step_started,
    StepErrored: Recorder.step_errored,
    WaitOpened: Recorder.wait_opened,
    RunCompleted: Recorder.run_completed,
    RunErrored: Recorder.run_errored,
    RunBlocked: Recorder.run_blocked,
}


def _json(value: dict[str, Any]) -> str | None:
    return orjson.dumps(value).decode() if value else None
