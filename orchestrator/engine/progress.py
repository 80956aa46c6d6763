"""How far a run is, as its author says: one row that is written over."""

from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.latest import Told
from orchestrator.engine.sql import Id


def store_progress(tx: Tx, run: str, told: Told) -> None:
    """Who watches the run looks at it every now and then: no bell is rung for it."""
    tx.db.run(
        "INSERT INTO signalbox_progress (run, fraction, message, at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (run) DO UPDATE SET fraction = excluded.fraction, message = excluded.message, at = excluded.at",
        [Id(run), told[0], told[1], tx.now],
    )
