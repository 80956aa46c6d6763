"""Functions that are expected to complete again and again: what is declared, and from when on. In the journal."""

from collections.abc import Iterable

from orchestrator.core.expecting import expected_of
from orchestrator.core.pausing import Paused
from orchestrator.engine.journal.tx import Tx
from orchestrator.sdk.registry import Definition


def declare_expectations(tx: Tx, definitions: Iterable[Definition], env: int = 1) -> None:
    """Stores what these functions declare. One that says the same as before is watched from where it was.

    What nobody declares any more, and functions that are gone, are watched no longer.
    """
    known = sorted(definitions, key=lambda d: d.id)
    for d in known:
        if (within := expected_of(d.config)) is not None:
            tx.db.run(
                "INSERT INTO signalbox_expectation (env, function, queue, within_seconds, watched_from)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (env, function) DO UPDATE SET queue = excluded.queue,"
                " within_seconds = excluded.within_seconds, watched_from = CASE"
                " WHEN signalbox_expectation.within_seconds = excluded.within_seconds"
                " THEN signalbox_expectation.watched_from ELSE excluded.watched_from END",
                [env, d.id, d.queue, within.total_seconds(), tx.now],
            )
        else:
            tx.db.run("DELETE FROM signalbox_expectation WHERE env = ? AND function = ?", [env, d.id])
    tx.db.run(
        "DELETE FROM signalbox_expectation WHERE env = ? AND function IN"
        " (SELECT slug FROM signalbox_function WHERE env = ? AND removed_at IS NOT NULL)",
        [env, env],
    )


def watch_again(tx: Tx, paused: Paused) -> None:
    """What was paused is not overdue for that: it has all its time again from now on."""
    rows = tx.db.query(
        "SELECT function, queue FROM signalbox_expectation WHERE env = ? ORDER BY function", [paused.env]
    )
    for function, queue in rows:
        if paused.holds(paused.env, function, queue):
            tx.db.run(
                "UPDATE signalbox_expectation SET watched_from = ? WHERE env = ? AND function = ?",
                [tx.now, paused.env, function],
            )
