"""Turns of runs whose functions have fairness: given when a run is stored, read when one may go on. In the journal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from orchestrator.core.turns import Place, Share, clock_key, take_turns
from orchestrator.engine.gate_rows import keep_states, lock_states
from orchestrator.engine.journal.items import NewRun
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.limit_rows import target_of

KEPT = timedelta(days=7)  # how long a value of the key is known after its last run was stored


def give_turns(tx: Tx, runs: Iterable[NewRun]) -> list[NewRun]:
    """The same new runs; those that have to wait for their turn have one."""
    found = list(runs)
    waiting = [(n, new.share) for n, new in enumerate(found) if new.share is not None]
    if waiting:
        turns = _take(tx, [share for _, share in waiting])
        for (n, _), turn in zip(waiting, turns, strict=True):
            found[n] = found[n].with_turn(turn)
    return found


def _take(tx: Tx, shares: Sequence[Share]) -> list[int]:
    keys = {share.key for share in shares}
    nexts = {key: state["next"] for key, state in lock_states(tx, keys).items()}
    turns = take_turns(shares, _clocks(tx, {share.clock for share in shares}), nexts)
    keep_states(tx, {key: {"next": nexts[key]} for key in keys}, dict.fromkeys(keys, tx.now + KEPT))
    return turns


def _clocks(tx: Tx, keys: Iterable[str]) -> dict[str, int]:
    """Read as they stand: whoever advances one meanwhile takes nothing away from the others."""
    condition, params = tx.db.any_of("key", sorted(keys))
    return {
        key: tat or 0 for key, tat in tx.db.query(f"SELECT key, tat FROM signalbox_limit WHERE {condition}", params)
    }


def advance_clocks(tx: Tx, reached: Mapping[Place, int]) -> None:
    """Those turns have come. The last thing that a claim locks."""
    for (env, function), turn in sorted(reached.items()):
        key = clock_key(env, function)
        tx.db.run(
            "INSERT INTO signalbox_limit (key, env, target, tat, expires_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at, tat = CASE"
            " WHEN coalesce(signalbox_limit.tat, 0) < excluded.tat THEN excluded.tat ELSE signalbox_limit.tat END",
            [key, env, target_of(key), turn, tx.now + KEPT],
        )
