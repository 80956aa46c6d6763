"""Checkpoints: the fence first, then what the owners of the runs say."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from orchestrator.core.ops import MessageKind, WaitKind
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
    wanted: dict[tuple[str, int], int] = {}
    for item in items:
        wanted[item.run, item.fence] = wanted.get((item.run, item.fence), 0) + len(item.entries)
    bases = _fence(tx, wanted)
    outcomes = []
    accepted = []
    for item in items:
        base = bases.get((item.run, item.fence), _LOCKED)
        if base is _LOCKED:
            outcomes.append(Outcome.LOCKED)
        elif base is None:
            outcomes.append(Outcome.LOST)
            tell_refused(tx, [item])
        else:
            bases[item.run, item.fence] = base + len(item.entries)
            outcomes.append(Outcome.COMMITTED)
            accepted.append((item, base))
    for item, base in accepted:
        if not item.ends_run:
            _gather(tx, item, base, item.entries)
    # Last: an ending closes what others of this batch have opened.
    ending = [(item, base) for item, base in accepted if item.ends_run]
    first = settle_endings(tx, [item for item, _ in ending])
    for item, base in ending:
        _gather(tx, item, base, [*first[item.run], *item.entries])
    apply_starts(tx, [start for item, _ in accepted for start in item.starts])
    return outcomes


_LOCKED = -1


def _fence(tx: Tx, wanted: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int | None]:
    # Two fences of one run in a batch: at most the higher one can be the run's.
    newest: dict[str, int] = {}
    for run, fence in wanted:
        newest[run] = max(fence, newest.get(run, 0))
    claims = [FenceClaim(run, fence, wanted[run, fence]) for run, fence in sorted(newest.items())]
    found = tx.db.fence(tx.owner, claims)
    bases: dict[tuple[str, int], int | None] = {}
    for run, fence in wanted:
        if fence != newest[run]:
            bases[run, fence] = None
        elif run in found:
            bases[run, fence] = found[run]
    return bases


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
    for child in item.children:
        tx.add_run(child)
    if item.closed_waits:
        tx.delete_waits((item.run, key) for key in item.closed_waits)
    tx.delete_inbox(item.drained)
    if item.taken_mail is not None:
        tx.db.run("DELETE FROM signalbox_mail WHERE run = ? AND n = ?", [Id(item.run), item.taken_mail])
    if item.result is not None:
        tx.store_result(item.result)
    if item.move is not None:
        tx.move(item.move)
