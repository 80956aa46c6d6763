"""Checkpoints: the fence first, then what the owners of the runs say."""

from collections.abc import Sequence
from enum import Enum, auto

from orchestrator.core.ops import MessageKind, WaitKind
from orchestrator.engine.births import add_runs
from orchestrator.engine.journal.items import Checkpoint, Entry
from orchestrator.engine.journal.leaving import deliver_mail, settle_endings
from orchestrator.engine.journal.starts import apply_starts
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.rows import InboxRow, WaitRow
from orchestrator.engine.sql import FenceClaim, Id


class Outcome(Enum):
    COMMITTED = auto()
    LOST = auto()  # the fence is another's: refused
    LOCKED = auto()  # a step.transaction is at its commit: try again in the next batch


def apply_checkpoints(tx: Tx, items: Sequence[Checkpoint]) -> list[Outcome]:
    """Applies those whose run is still held; the others are left out and told so, item by item."""
    if not items:
        return []
    newest, bases = _fence(tx, items)
    outcomes = []
    accepted = []
    for item in items:
        base = bases.get(item.run, _LOCKED)
        if item.fence != newest[item.run] or base is None:
            outcomes.append(Outcome.LOST)
            tell_refused(tx, [item])
        elif base == _LOCKED:
            outcomes.append(Outcome.LOCKED)
        else:
            bases[item.run] = base + len(item.entries)
            outcomes.append(Outcome.COMMITTED)
            accepted.append((item, base))
    ending = []
    for item, base in accepted:
        if item.ends_run:
            ending.append((item, base))
        else:
            _gather(tx, item, base, item.entries)
    _add_children(tx, [item for item, _ in accepted if not item.ends_run])
    if ending:  # last: an ending closes what others of this batch have opened
        first = settle_endings(tx, [item for item, _ in ending])
        for item, base in ending:
            _gather(tx, item, base, [*first[item.run], *item.entries])
        _add_children(tx, [item for item, _ in ending])
    if starts := [start for item, _ in accepted for start in item.starts]:
        apply_starts(tx, starts)
    return outcomes


_LOCKED = -1


def _fence(tx: Tx, items: Sequence[Checkpoint]) -> tuple[dict[str, int], dict[str, int | None]]:
    """The fence that was asked for of each run, and what was answered."""
    # Two fences of one run in a batch: at most the higher one can be the run's.
    newest: dict[str, int] = {}
    wanted: dict[str, int] = {}
    for item in items:
        known = newest.get(item.run, -1)
        if item.fence > known:
            newest[item.run] = item.fence
            wanted[item.run] = len(item.entries)
        elif item.fence == known:
            wanted[item.run] += len(item.entries)
    claims = [FenceClaim(run, fence, wanted[run]) for run, fence in newest.items()]
    return newest, dict(tx.db.fence(tx.owner, claims))


def _add_children(tx: Tx, items: Sequence[Checkpoint]) -> None:
    if children := [child for item in items for child in item.children]:
        add_runs(tx, children)


def tell_refused(tx: Tx, items: Sequence[Checkpoint]) -> None:
    """The new owner of each run journals that a late result was refused."""
    for item in items:
        dedup = f"refused:{item.fence}:{item.entries[0].kind if item.entries else ''}"
        tx.add(InboxRow(item.run, dedup, MessageKind.REFUSED, None, tx.now))


def _gather(tx: Tx, item: Checkpoint, base: int, entries: Sequence[Entry]) -> None:
    tx.number(item.run, base, entries, item.move and item.move.status)
    tx.add(*item.rows)
    for row in item.rows:
        if type(row) is WaitRow and row.kind == WaitKind.SIGNAL:
            deliver_mail(tx, row)
    for end in item.ends:
        tx.end_attempt(end)
    if item.taken_mail is not None:
        tx.db.run("DELETE FROM signalbox_mail WHERE run = ? AND n = ?", [Id(item.run), item.taken_mail])
    if item.result is not None:
        tx.store_result(item.result)
    if item.move is not None:
        tx.move(item.move)
    if item.success is not None:
        tx.succeed(*item.success)
