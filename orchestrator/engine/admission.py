"""Runs of functions with limits: let in under the lock of their limits, or held at the one that is full.

Runs in the journal. Places derive from leases: one counts while its run has that fence and an owner.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from orchestrator.core.admission import Admission, Candidate, LimitState, admit
from orchestrator.core.flow import Flow
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
) -> list[tuple[Any, ...]]:
    """Claims runs that meet one of the conditions and are let in, at most ``room``; others wait at a limit from now.

    ``flows``: of the functions that need admission; those of others are let in while there is room. Answers what
    ``Connection.claim`` does.
    """
    look = _Look(tx, {name: declared_limits(name, flow) for name, flow in flows.items()}, room)
    for condition, params in conditions:
        while look.room > 0 and look.goes_on(condition, params):
            pass
    advance_clocks(tx, look.reached)
    return look.taken


@lru_cache(maxsize=1024)
def declared_limits(function: str, flow: Flow) -> Mapping[str, Declared]:
    """What the code says of each of its limits, by what the limit is about."""
    declared: dict[str, Declared] = {
        concurrency_target(function, n, limit): (limit.limit, None) for n, limit in enumerate(flow.concurrency)
    }
    if flow.throttle is not None:
        rate = Rate.of(flow.throttle.limit, flow.throttle.period, flow.throttle.burst)
        declared[throttle_target(function)] = (None, rate)
    return declared


class _Look:
    """What one claim takes, condition by condition."""

    def __init__(self, tx: Tx, declared: Mapping[str, Mapping[str, Declared]], room: int) -> None:
        self.room = room
        self.taken: list[tuple[Any, ...]] = []
        self.reached: dict[Place, int] = {}
        self._tx = tx
        self._declared = declared

    def goes_on(self, condition: str, params: Sequence[Any]) -> bool:
        """Looks at the next runs that meet the condition; whether there may be more of them."""
        most = min(WINDOW, self.room + SPARE)
        found = _find(self._tx, condition, params, most)
        if not found:
            return False
        limits = {key: self._limit(run, key) for run in found for key in run.limits}
        states = lock_limits(self._tx, limits) if limits else {}
        decided = admit([run.candidate() for run in found], states, to_micros(self._tx.now), self.room)
        admitted = set(decided.admitted)
        self._take([run for run in found if run.id in admitted], states)
        _hold(self._tx, decided, {run.id: run for run in found})
        return len(found) == most and bool(decided.admitted or decided.held)

    def _limit(self, run: Waiting, key: str) -> Declared:
        """What the code says of it; of one that it no longer knows, nothing."""
        return self._declared.get(run.function, {}).get(target_of(key), (None, None))

    def _take(self, runs: Sequence[Waiting], states: Mapping[str, LimitState]) -> None:
        if not runs:
            return
        tx = self._tx
        condition, params = tx.db.any_of("id", [Id(run.id) for run in runs])
        self.taken += tx.db.claim(condition, params, tx.owner, tx.now, len(runs))
        self.room -= len(runs)
        for run in runs:
            if run.turn is not None and run.place is not None:
                self.reached[run.place] = max(run.turn, self.reached.get(run.place, 0))
        take_places(tx, runs, states)
        if tx.holds(SlotRow):
            tx.flush()  # the next look of this transaction counts them


def take_places(tx: Tx, runs: Iterable[Waiting], states: Mapping[str, LimitState]) -> None:
    """What runs that were let in take of their limits. A place is added to the rows that are still to be written."""
    asked = [(run, run.candidate()) for run in runs if run.limits]
    tx.add(*(SlotRow(run.id, key, run.fence + 1, tx.now) for run, wanted in asked for key in wanted.keys))
    pace(tx, {key: states[key] for _, wanted in asked for key in wanted.start_keys})


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
