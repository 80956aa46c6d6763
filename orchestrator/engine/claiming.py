"""Taking runs: ready ones, those whose timer is due, those with something in their inbox. Runs in the journal."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.conf import Settings
from orchestrator.engine.admission import take_admitted
from orchestrator.engine.facts import Claimed
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.limit_rows import open_gates
from orchestrator.engine.limit_sweep import LimitSweep
from orchestrator.engine.loading import load_facts
from orchestrator.engine.pausing import Pauses, held_by, hold_paused
from orchestrator.engine.resuming import resume, settle_held
from orchestrator.engine.sql import FenceClaim, Id
from orchestrator.engine.starting import Starting
from orchestrator.sdk.registry import Definition

# Mostly there is nothing of either kind, and their runs need not be looked for.
PEEK = (
    "SELECT EXISTS (SELECT 1 FROM signalbox_inbox),"
    " EXISTS (SELECT 1 FROM signalbox_run WHERE due_at <= ? AND due_at IS NOT NULL AND owner IS NULL)"
)
# Ending a run needs none of its author's code: any engine process may.
TO_CANCEL = "ended_at IS NULL AND id IN (SELECT run FROM signalbox_inbox WHERE kind = 'cancel')"
# Others wake a run that rests in a step; what comes for a delayed, blocked or backed-off run is read when it goes on.
WITH_MESSAGES = (
    "status IN ('sleeping', 'waiting', 'retrying') AND id IN (SELECT run FROM signalbox_inbox)"
    " AND NOT EXISTS (SELECT 1 FROM signalbox_wait w WHERE w.run = signalbox_run.id AND w.key = '')"
)


@dataclass(frozen=True, slots=True)
class Claiming:
    """What to take: at most ``bite`` runs of these functions, of the queues and the version of the settings.

    There is room for ``limit``. Answers them and whether there are more; other workers are rung for what a bite left.

    ``parked``: runs whose coroutine rests in memory, with the fence under which it went to rest. ``starting`` makes
    what an end starts. ``freed``: limits of which places were given back; ``sweep`` tells which others to look at.
    ``ahead``: parked runs whose sleep is nearly over, taken while there is room to spare.
    """

    settings: Settings
    functions: Sequence[Definition]
    limit: int
    bite: int
    parked: Mapping[str, int]
    starting: Starting
    pauses: Pauses
    freed: Iterable[str]
    sweep: LimitSweep
    ahead: Collection[str] = ()

    def __call__(self, tx: Tx) -> tuple[list[Claimed], bool]:
        taken, are_more = self._take(tx)
        claimed = resume(tx, taken, self.parked, ahead=self.ahead, functions=self.functions, starting=self.starting)
        more = are_more()
        tx.effects.looked |= not more
        tx.effects.more |= more and self.limit >= self.bite  # the full take more whenever a run ends: that is no news
        return claimed, more

    def _take(self, tx: Tx) -> tuple[list[tuple[Any, ...]], Callable[[], bool]]:
        peeked = tx.db.ask(PEEK, [tx.now])
        unless_paused, held = self._hold_paused(tx)
        [(messages, due)] = peeked()
        flows = {known.id: known.flow for known in self.functions if known.flow.needs_admission}
        bite = min(self.limit, self.bite)
        taken = self._claim(tx, [(TO_CANCEL, [])], bite) if messages else []
        [with_messages, with_timer, *ready] = self._arms(tx, unless_paused, held)
        arms = [*([with_messages] if messages else []), *([with_timer] if due else []), *ready]
        if not flows:
            taken += self._claim(tx, arms, bite - len(taken))
        else:
            open_gates(tx, [*self.freed, *self.sweep.keys(tx)], bite)
            taken += take_admitted(tx, arms, flows, bite - len(taken))
        are_more = self._ask_for_more(tx, ready, unseen=messages or due) if len(taken) >= bite else lambda: False
        if self.ahead:
            asleep, runs = tx.db.any_of("id", [Id(run) for run in self.ahead])
            condition = f"status = 'sleeping' AND limits IS NULL AND {asleep}{unless_paused}"
            taken += self._claim(tx, [(condition, [*runs, *held])], self.limit - len(taken))
        return taken, are_more

    def _ask_for_more(self, tx: Tx, ready: Sequence[tuple[str, Sequence[Any]]], *, unseen: bool) -> Callable[[], bool]:
        """Whether runs are left by a full bite. ``unseen``: what has messages or a timer is not asked for again."""
        if unseen:
            return lambda: True
        are_left = " OR ".join(
            f"EXISTS (SELECT 1 FROM signalbox_run WHERE owner IS NULL AND {arm})" for arm, _ in ready
        )
        asked = tx.db.ask(f"SELECT {are_left}", [value for _, values in ready for value in values])
        return lambda: bool(asked()[0][0])

    def _claim(self, tx: Tx, arms: Iterable[tuple[str, Sequence[Any]]], room: int) -> list[tuple[Any, ...]]:
        """Without any look at limits: a statement each."""
        taken: list[tuple[Any, ...]] = []
        for condition, params in arms:
            if len(taken) < room:
                taken += tx.db.claim(condition, params, tx.owner, tx.now, room - len(taken))
        return taken

    def _hold_paused(self, tx: Tx) -> tuple[str, list[Any]]:
        """What every run that is taken has to meet besides."""
        paused = self.pauses.look(tx)
        if not paused:
            return "", []
        hold_paused(tx, paused, self._ready(tx, "ended_at IS NULL", []))
        condition, params = held_by(paused)
        return f" AND NOT {condition}", params

    def _arms(self, tx: Tx, more: str, held: Sequence[Any]) -> list[tuple[str, list[Any]]]:
        """Runs of these functions that could go on."""
        known, functions = tx.db.any_of("function", [known.id for known in self.functions])
        # Pinned runs have the version of the code that they go on with; all others have none.
        return self._ready(tx, f"{known} AND version IN ('', ?){more}", [*functions, self.settings.version, *held])

    def _ready(self, tx: Tx, condition: str, params: Sequence[Any]) -> list[tuple[str, list[Any]]]:
        """Runs with messages, with a timer that is due, and ready ones."""
        queue, queues = tx.db.any_of("queue", list(self.settings.queues))
        ours, values = f"{queue} AND {condition}", [*queues, *params]
        ready = f"status = 'queued' AND gate IS NULL AND queue = ? AND {condition}"
        return [
            (f"{WITH_MESSAGES} AND {ours}", values),
            (f"due_at <= ? AND {ours}", [tx.now, *values]),
            # One queue at a time: its index gives the ready runs in the order of their priority.
            *((ready, [name, *params]) for name in self.settings.queues),
        ]


@dataclass(frozen=True, slots=True)
class Draining:
    """Settles messages and due timers of runs that this session holds already, by run and fence."""

    held: Mapping[str, int]

    def __call__(self, tx: Tx) -> list[Claimed]:
        # Locks the rows: a run released or taken a moment ago is not ours to settle.
        bases = tx.db.fence(tx.owner, [FenceClaim(run, self.held[run], 0) for run in sorted(self.held)])
        facts = load_facts(tx, [run for run, base in bases.items() if base is not None])
        return settle_held(tx, facts)
