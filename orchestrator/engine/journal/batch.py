"""A batch of items in one transaction, and what became of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.core.admission import Candidate
from orchestrator.core.errors import LeaseLost, OrchestratorError
from orchestrator.engine.gating import lock_ahead
from orchestrator.engine.journal.checkpoints import Outcome, apply_checkpoints
from orchestrator.engine.journal.items import Call, Checkpoint, Ingest, Item, Start
from orchestrator.engine.journal.starts import apply_starts
from orchestrator.engine.journal.tx import ALL, Effects, Leftovers, Tx
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
    db: Connection,
    owner: str,
    now: datetime,
    items: Sequence[Item],
    leftovers: Leftovers = ALL,
    *,
    left: Iterable[Candidate] = (),
) -> BatchResult:
    """Applies the items inside the open transaction. Errors of one item's own kind become its answer."""
    tx = Tx(db, owner, now, leftovers)
    answers: list[Any] = [None] * len(items)
    starts: list[Start] = []
    checkpoints: list[tuple[int, Checkpoint]] = []
    calls: list[tuple[int, Call]] = []
    for n, item in enumerate(items):
        if isinstance(item, Checkpoint):
            checkpoints.append((n, item))
        elif isinstance(item, Ingest):
            answers[n] = item.starts
            starts += item.starts
        else:
            calls.append((n, item))
    tx.begins_limited, tx.left = not calls, left
    if sent := [start for _, checkpoint in checkpoints for start in checkpoint.starts]:
        lock_ahead(tx, [*starts, *sent])
    if starts:
        apply_starts(tx, starts)
    if checkpoints:
        outcomes = apply_checkpoints(tx, [checkpoint for _, checkpoint in checkpoints])
        for (n, checkpoint), outcome in zip(checkpoints, outcomes, strict=True):
            if outcome is not Outcome.COMMITTED:
                answers[n] = _refusal(checkpoint, outcome)
    tx.flush()
    for n, call in calls:
        try:
            answers[n] = call.function(tx)
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
    effects.look_at_places()
    if effects.released:
        condition, params = db.any_of("run", [Id(run) for run in effects.released])
        found = db.query(f"SELECT DISTINCT run FROM signalbox_inbox WHERE {condition}", params)
        effects.inbox_runs.update(db.id(run) for (run,) in found)
