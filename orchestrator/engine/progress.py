"""How far a run is, as its author says: one row that is written over."""

from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.latest import Told
from orchestrator.engine.sql import Id


def store_progress(tx: Tx, run: str, told: Told) -> None:
    """One row a run, and the bell: who watches the run sees it."""
    tx.db.run(
        "INSERT INTO signalbox_progress (run, fraction, message, at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (run) DO UPDATE SET fraction = excluded.fraction, message = excluded.message, at = excluded.at",
        [Id(run), told[0], told[1], tx.now],
    )
    ring_for(tx, run)


def ring_for(tx: Tx, run: str) -> None:
    """Something of the run changed that its history does not tell."""
    for (seq,) in tx.db.query("SELECT seq FROM signalbox_run WHERE id = ?", [Id(run)]):
        tx.number(run, seq, [])
