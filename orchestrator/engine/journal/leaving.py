"""What others left for a run that ends, what is open in it, and signals that were left before anybody waited."""

from collections.abc import Sequence

import orjson

from orchestrator.core.machine import FROM_MAIL
from orchestrator.core.ops import MessageKind
from orchestrator.engine.journal.items import Checkpoint, Entry
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.rows import InboxRow, WaitRow
from orchestrator.engine.sql import Id

PARENT_ENDED = '{"reason":"its parent ended","parent_ended":true}'


def settle_endings(tx: Tx, items: Sequence[Checkpoint]) -> dict[str, list[Entry]]:
    """The entries that come before each run's own last ones, numbers reserved for them.

    An acknowledged signal was seen by a live run, so it is in the history; what was open ends as cancelled.
    """
    first: dict[str, list[Entry]] = {item.run: [] for item in items}
    tx.db.lock_ending([Id(run) for run in sorted(first)])
    _receive(tx, first)
    if any(item.cancel_children for item in items):
        tx.flush()  # what this batch opens is closed with the rest
    for item in items:
        if item.cancel_children:
            first[item.run] += _close_open(tx, item.run)
            _cancel_children(tx, item.run)
    for run, entries in first.items():
        if entries:
            tx.db.run("UPDATE signalbox_run SET seq = seq + ? WHERE id = ?", [len(entries), Id(run)])
    return first


def _receive(tx: Tx, first: dict[str, list[Entry]]) -> None:
    condition, params = tx.db.any_of("run", [Id(run) for run in first])
    left = tx.db.query(
        f"SELECT id, run, kind, dedup, CAST(data AS text) FROM signalbox_inbox WHERE {condition} ORDER BY id", params
    )
    for _, run, kind, dedup, data in left:
        if kind == MessageKind.SIGNAL and not dedup.startswith(FROM_MAIL):
            first[tx.db.id(run)].append(Entry("signal.received", tx.now, data=data))
    tx.delete_inbox([row[0] for row in left])


def _close_open(tx: Tx, run: str) -> list[Entry]:
    """Attempts that are open when their run ends, end as cancelled."""
    tx.db.run("DELETE FROM signalbox_wait WHERE run = ?", [Id(run)])
    closed = tx.db.query(
        "UPDATE signalbox_attempt SET status = 'cancelled', ended_at = ? WHERE run = ?"
        " AND status IN ('running', 'sleeping', 'waiting') RETURNING key, number",
        [tx.now, Id(run)],
    )
    return [Entry("step.cancelled", tx.now, key, number) for key, number in sorted(closed)]


def _cancel_children(tx: Tx, run: str) -> None:
    """Asks every child that still runs to cancel, in the transaction that ends its parent."""
    waited_for = "parent = ? AND parent_key IS NOT NULL AND ended_at IS NULL"
    for (child,) in tx.db.query(f"SELECT id FROM signalbox_run WHERE {waited_for}", [Id(run)]):
        tx.add(InboxRow(tx.db.id(child), "cancel", MessageKind.CANCEL, PARENT_ENDED, tx.now))


def deliver_mail(tx: Tx, wait: WaitRow) -> None:
    """A signal wait that opens on mail: the oldest becomes a message again, in its old place.

    It came while the wait was on its way: too late for its run to see it in memory, too early to meet the wait here.
    """
    found = tx.db.query(
        "SELECT n, CAST(payload AS text) FROM signalbox_mail WHERE run = ? AND name = ? ORDER BY n LIMIT 1",
        [Id(wait.run), wait.name],
    )
    for n, payload in found:
        json = "json" if tx.db.vendor == "postgresql" else "text"
        data = orjson.dumps({"name": wait.name, "data": orjson.Fragment(payload)}).decode()
        tx.db.run("DELETE FROM signalbox_mail WHERE run = ? AND n = ?", [Id(wait.run), n])
        tx.db.run(
            "INSERT INTO signalbox_inbox (id, run, dedup, kind, data, at)"
            f" VALUES (?, ?, ?, '{MessageKind.SIGNAL}', CAST(? AS {json}), ?)",
            [n, Id(wait.run), f"{FROM_MAIL}{n}", data, tx.now],
        )
        tx.effects.inbox_runs.add(wait.run)
