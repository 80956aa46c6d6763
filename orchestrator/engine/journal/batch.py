"""A batch of items in one transaction, and what became of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.core.errors import LeaseLost, OrchestratorError
from orchestrator.engine.gating import lock_ahead
from orchestrator.engine.journal.checkpoints import Outcome, apply_checkpoints
from orchestrator.engine.journal.items import Call, Checkpoint, Ingest, Item
from orchestrator.engine.journal.starts import apply_starts
from orchestrator.engine.journal.tx import Effects, Tx
from orchestrator.engine.sql import Connection, Id


@dataclass(slots=True)
class BatchResult:
    """``answers[i]`` is item i's answer, its error, or RETRY when its run was locked."""

    answers: list[Any]
    effects: Effects = field(default_factory=Effects)


class Retry:
    """The item waits for the next batch."""


RETRY = Retry()


def apply_batch(
    db: Connection, owner: str, now: datetime, items: Sequence[Item], *, frees_slots: bool = True
) -> BatchResult:
    """Applies the items inside the open transaction. Errors of one item's own kind become its answer.

    ``frees_slots``: some functions have limits, so that runs may hold places.
    """
    tx = Tx(db, owner, now, frees_slots=frees_slots)
    tx.begins_limited = not any(isinstance(item, Call) for item in items)
    answers: list[Any] = [None] * len(items)
    ingests = [(n, item) for n, item in enumerate(items) if isinstance(item, Ingest)]
    checkpoints = [(n, item) for n, item in enumerate(items) if isinstance(item, Checkpoint)]
    if sent := [start for _, item in checkpoints for start in item.starts]:
        lock_ahead(tx, [*(start for _, item in ingests for start in item.starts), *sent])
    if ingests:
        apply_starts(tx, [start for _, item in ingests for start in item.starts])
        for n, ingest in ingests:
            answers[n] = ingest.starts
    outcomes = apply_checkpoints(tx, [item for _, item in checkpoints])
    for (n, checkpoint), outcome in zip(checkpoints, outcomes, strict=True):
        if outcome is not Outcome.COMMITTED:
            answers[n] = _refusal(checkpoint, outcome)
    tx.flush()
    for n, item in enumerate(items):
        if isinstance(item, Call):
            try:
                answers[n] = item.function(tx)
            except OrchestratorError as error:
                answers[n] = error
            tx.flush()
    return BatchResult(answers, tx.effects)


def _refusal(item: Checkpoint, outcome: Outcome) -> Any:
    if outcome is Outcome.LOCKED:
        return RETRY
    return LeaseLost(f"run {item.run} was given to another worker: what this one says of it is refused")


def look_at_released(db: Connection, effects: Effects) -> None:
    """The second look: what was left for a run while it was being released (after the commit that released it)."""
    if effects.released:
        condition, params = db.any_of("run", [Id(run) for run in effects.released])
        found = db.query(f"SELECT DISTINCT run FROM signalbox_inbox WHERE {condition}", params)
        effects.inbox_runs.update(db.id(run) for (run,) in found)
