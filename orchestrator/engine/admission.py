"""Runs of functions with limits: let in under the lock of their limits, or held at the one that is full.

Runs in the journal. Places derive from leases: one counts while its run has that fence and an owner.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.core.admission import Admission, Candidate, LimitState, admit
from orchestrator.core.flow import NO_FLOW, Flow
from orchestrator.core.gcra import Rate
from orchestrator.core.limiting import concurrency_target, throttle_target
from orchestrator.core.turns import Place, in_turn
from orchestrator.engine.holding import hold
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.limit_rows import Declared, lock_limits, note_held, pace, target_of
from orchestrator.engine.rows import SlotRow
from orchestrator.engine.sql import Id
from orchestrator.engine.turns import advance_clocks
from orchestrator.models.fields import from_micros, to_micros

WINDOW = 500  # candidates looked at in one transaction
SPARE = 50  # looked at beside those that there is room for: some will be held


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that could execute. ``resting``: it slept or waited until now. ``turn``: of a function with fairness."""

    id: str
    env: int
    function: str
    fence: int
    resting: bool
    started: bool
    limits: tuple[str, ...]
    turn: int | None

    def candidate(self) -> Candidate:
        """Its throttle counts at its first start only."""
        starts = [key for key in self.limits if target_of(key).startswith("throttle:")]
        return Candidate(self.id, [key for key in self.limits if key not in starts], [] if self.started else starts)

    @property
    def place(self) -> Place | None:
        """Those of the same place take turns. What has started had its turn."""
        return None if self.turn is None or self.started else (self.env, self.function)


def take_admitted(
    tx: Tx, conditions: Iterable[tuple[str, Sequence[Any]]], flows: Mapping[str, Flow], room: int
) -> list[str]:
    """Claims runs that meet one of the conditions and are let in, at most ``room``; others wait at a limit from now.

    ``flows``: of the functions that need admission; those of others are let in while there is room.
    """
    taken: list[str] = []
    reached: dict[Place, int] = {}
    for condition, params in conditions:
        while len(taken) < room:
            most = min(WINDOW, room - len(taken) + SPARE)
            found = _find(tx, condition, params, most)
            decided = _decide(tx, found, flows, room - len(taken), reached) if found else Admission()
            taken += decided.admitted
            if len(found) < most or not (decided.admitted or decided.held):
                break
    advance_clocks(tx, reached)
    return taken


def _find(tx: Tx, condition: str, params: Sequence[Any], most: int) -> list[Waiting]:
    """Those that are next, in their order."""
    found = _select(tx, condition, params, "prio", most)

    def first(place: Place, count: int) -> list[Waiting]:
        theirs = f"env = ? AND function = ? AND fair IS NOT NULL AND started_at IS NULL AND {condition}"
        return _select(tx, theirs, [*place, *params], "fair, prio", count)

    return in_turn(found, lambda run: run.place, first)


def _select(tx: Tx, condition: str, params: Sequence[Any], order: str, most: int) -> list[Waiting]:
    lock = " FOR NO KEY UPDATE SKIP LOCKED" if tx.db.vendor == "postgresql" else ""
    rows = tx.db.query(
        "SELECT id, env, function, fence, status, started_at, limits, fair FROM signalbox_run"
        f" WHERE owner IS NULL AND gate IS NULL AND {condition} ORDER BY {order} LIMIT {most}{lock}",
        params,
    )
    return [
        Waiting(
            tx.db.id(id_),
            env,
            function,
            fence,
            status != "queued",
            started is not None,
            tuple(orjson.loads(limits)) if limits else (),
            fair,
        )
        for id_, env, function, fence, status, started, limits, fair in rows
    ]


def _decide(
    tx: Tx, found: Sequence[Waiting], flows: Mapping[str, Flow], room: int, reached: dict[Place, int]
) -> Admission:
    declared = {key: value for run in found for key, value in _declared(run, flows).items()}
    states = lock_limits(tx, declared) if declared else {}
    known = {run.id: run for run in found}
    decided = admit([run.candidate() for run in found], states, to_micros(tx.now), room)
    if decided.admitted:
        admitted = [known[run] for run in decided.admitted]
        _claim(tx, admitted, states)
        for run in admitted:
            if run.turn is not None and run.place is not None:
                reached[run.place] = max(run.turn, reached.get(run.place, 0))
    _hold(tx, decided, known)
    return decided


def _declared(run: Waiting, flows: Mapping[str, Flow]) -> dict[str, Declared]:
    """What the code says of each of its limits; one that it no longer knows has none."""
    if not run.limits:
        return {}
    flow = flows.get(run.function, NO_FLOW)
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
    candidates = [(run, run.candidate()) for run in runs if run.limits]
    if candidates:
        tx.add(*(SlotRow(run.id, key, run.fence + 1, tx.now) for run, asked in candidates for key in asked.keys))
        tx.flush()  # the next look of this transaction counts them
        pace(tx, {key: states[key] for _, asked in candidates for key in asked.start_keys})


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
