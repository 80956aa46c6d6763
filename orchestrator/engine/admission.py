"""Runs of functions with limits: let in under the lock of their limits, or held at the one that is full.

Runs in the journal. Places derive from leases: one counts while its run has that fence and an owner.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.core.admission import Admission, Candidate, LimitState, admit
from orchestrator.core.flow import Flow
from orchestrator.core.gcra import Rate
from orchestrator.core.limiting import concurrency_target, throttle_target
from orchestrator.engine.holding import hold
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.limit_rows import Declared, lock_limits, note_held, pace, target_of
from orchestrator.engine.rows import SlotRow
from orchestrator.engine.sql import Id
from orchestrator.models.fields import from_micros, to_micros

WINDOW = 500  # candidates looked at in one transaction


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that could execute. ``resting``: it slept or waited until now."""

    id: str
    function: str
    fence: int
    resting: bool
    started: bool
    limits: tuple[str, ...]

    def candidate(self) -> Candidate:
        """Its throttle counts at its first start only."""
        starts = [key for key in self.limits if target_of(key).startswith("throttle:")]
        return Candidate(self.id, [key for key in self.limits if key not in starts], [] if self.started else starts)


def take_limited(
    tx: Tx, conditions: Iterable[tuple[str, Sequence[Any]]], flows: Mapping[str, Flow], room: int
) -> list[str]:
    """Claims runs that meet one of the conditions and are let in, at most ``room``; others wait at a limit from now."""
    taken: list[str] = []
    for condition, params in conditions:
        while len(taken) < room:
            found = _find(tx, condition, params)
            decided = _decide(tx, found, flows, room - len(taken)) if found else Admission()
            taken += decided.admitted
            if len(found) < WINDOW or not (decided.admitted or decided.held):
                break
    return taken


def _find(tx: Tx, condition: str, params: Sequence[Any]) -> list[Waiting]:
    lock = " FOR NO KEY UPDATE SKIP LOCKED" if tx.db.vendor == "postgresql" else ""
    rows = tx.db.query(
        "SELECT id, function, fence, status, started_at, limits FROM signalbox_run"
        f" WHERE owner IS NULL AND gate IS NULL AND {condition} ORDER BY prio LIMIT {WINDOW}{lock}",
        params,
    )
    return [
        Waiting(
            tx.db.id(id_),
            function,
            fence,
            status != "queued",
            started is not None,
            tuple(orjson.loads(limits or "[]")),
        )
        for id_, function, fence, status, started, limits in rows
    ]


def _decide(tx: Tx, found: Sequence[Waiting], flows: Mapping[str, Flow], room: int) -> Admission:
    declared = {key: value for run in found for key, value in _declared(run, flows[run.function]).items()}
    states = lock_limits(tx, declared)
    known = {run.id: run for run in found}
    decided = admit([run.candidate() for run in found], states, to_micros(tx.now), room)
    if decided.admitted:
        _claim(tx, [known[run] for run in decided.admitted], states)
    _hold(tx, decided, known)
    return decided


def _declared(run: Waiting, flow: Flow) -> dict[str, Declared]:
    """What the code says of each of its limits; one that it no longer knows has none."""
    sizes = {concurrency_target(run.function, n, limit): limit.limit for n, limit in enumerate(flow.concurrency)}
    throttle = flow.throttle
    rate = Rate.of(throttle.limit, throttle.period, throttle.burst) if throttle is not None else None
    return {
        key: (sizes.get(target_of(key)), rate if target_of(key) == throttle_target(run.function) else None)
        for key in run.limits
    }


def _claim(tx: Tx, runs: Sequence[Waiting], states: Mapping[str, LimitState]) -> None:
    condition, params = tx.db.any_of("id", [Id(run.id) for run in runs])
    tx.db.claim(condition, params, tx.owner, tx.now, len(runs))
    tx.add(*(SlotRow(run.id, key, run.fence + 1, tx.now) for run in runs for key in run.candidate().keys))
    tx.flush()  # the next look of this transaction counts them
    started = {key: states[key] for run in runs for key in run.candidate().start_keys}
    pace(tx, started)


def _hold(tx: Tx, decided: Admission, known: Mapping[str, Waiting]) -> None:
    gates: dict[str, dict[str, bool]] = {}
    for run, key in decided.held.items():
        gates.setdefault(key, {})[run] = known[run].resting
    for key, runs in sorted(gates.items()):
        hold(tx, key, runs, {"limit": target_of(key)})
    wakes = {key: from_micros(at) for key, at in decided.wakes.items()}
    note_held(tx, gates, wakes)
    tx.effects.due += wakes.values()
    tx.effects.gated.update(gates)
