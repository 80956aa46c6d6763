"""How a run ends: final status, result, and the message that wakes its parent, in one checkpoint."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from orchestrator.core.deadlines import DeadlineKind, missed
from orchestrator.core.ops import ErrorInfo, MessageKind, Status
from orchestrator.engine.facts import RunFacts
from orchestrator.engine.journal.items import Checkpoint, Entry
from orchestrator.engine.rows import InboxRow, RunMove, RunResult
from orchestrator.engine.values import Stored, error_json


def end_checkpoint(
    checkpoint: Checkpoint,
    facts: RunFacts,
    status: Status,
    now: datetime,
    *,
    stored: Stored | None = None,
    error: ErrorInfo | None = None,
    actor: str = "",
    data: dict[str, Any] | None = None,
    cancel_children: bool = True,
) -> None:
    """Makes the checkpoint a final one. ``cancel_children``: something of the run may be open still."""
    text = error_json(error) if error else None
    output, blob = (stored.text, stored.blob) if stored else (None, None)
    checkpoint.move = RunMove(facts.id, status, None, None, facts.attempt, now)
    checkpoint.result = RunResult(facts.id, output, blob, text)
    checkpoint.cancel_children = cancel_children
    if stored and stored.row:
        checkpoint.rows.append(stored.row)
    if error is not None:
        data = {"type": error.type, "message": error.message[:500], **(data or {})}
    checkpoint.entries.append(
        Entry(f"run.{status}", now, actor=actor, data=orjson.dumps(data).decode() if data else None)
    )
    if facts.parent and facts.parent_key:
        checkpoint.rows.append(_tell_parent(facts, status, now, checkpoint.result))


TIMEOUT = "timeout_seconds"  # in a request to end: a deadline asks, not a person


def finish_timeout(data: Mapping[str, Any]) -> ErrorInfo | None:
    """The error of a run that is asked to end by its deadline; None when somebody cancels it."""
    return missed(DeadlineKind.FINISH, data[TIMEOUT]) if TIMEOUT in data else None


def cancellation(checkpoint: Checkpoint, facts: RunFacts, now: datetime, data: dict[str, Any]) -> Checkpoint:
    """The end of a run that was asked to end; ``data`` is what was asked."""
    if (error := finish_timeout(data)) is not None:
        end_checkpoint(checkpoint, facts, Status.TIMED_OUT, now, error=error)
        return checkpoint
    if data.get("parent_ended"):
        facts = replace(facts, parent_key=None)  # nobody is left to be told
    asked: dict[str, Any] = {key: data[key] for key in ("actor", "reason") if key in data}
    end_checkpoint(checkpoint, facts, Status.CANCELLED, now, actor=str(data.get("actor", "")), data=asked)
    return checkpoint


def _tell_parent(facts: RunFacts, status: Status, now: datetime, result: RunResult) -> InboxRow:
    output, blob, error = result.output, result.output_blob, result.error
    if error is None and status is not Status.COMPLETED:
        error = error_json(ErrorInfo(f"Run{status.value.capitalize()}", f"child run {facts.id} was {status}"))
    parts = [f'"status":"{status}"', f'"run":"{facts.id}"']
    if output is not None:
        parts.append(f'"output":{output}')
    if blob is not None:
        parts.append(f'"blob":"{blob}"')
    if error is not None:
        parts.append(f'"error":{error}')
    message = "{" + ",".join(parts) + "}"
    assert facts.parent is not None
    return InboxRow(facts.parent, f"step:{facts.parent_key}", MessageKind.CHILD_END, message, now)
