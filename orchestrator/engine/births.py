"""New runs as they are stored: those of functions with limits are let in on the spot, or queued. Runs in the journal.

A shortcut past the queue where nobody has to wait: limits are looked at under their locks, as by a claim, and who waits
there already is not overtaken. It waits for no lock: what it cannot look at is left to the next claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.core.admission import Admission, LimitState, admit
from orchestrator.core.ops import Status
from orchestrator.engine.admission import Waiting, declared_limits, take_places
from orchestrator.engine.journal.items import NewRun
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.limit_rows import Declared, note_held, target_of, try_limits
from orchestrator.engine.rows import DeadlineRow, SlotRow
from orchestrator.engine.terms import deadlines_of
from orchestrator.engine.turns import give_turns
from orchestrator.models.fields import from_micros, to_micros


def add_runs(tx: Tx, runs: Sequence[NewRun]) -> None:
    for new in give_turns(tx, _let_in(tx, runs)):
        tx.add_run(new)


def _let_in(tx: Tx, runs: Sequence[NewRun]) -> list[NewRun]:
    """The same runs: of those that were to begin here, those that their limits let in, the others queued."""
    asked = {new.run.id: _waiting(new) for new in runs if new.run.limits and new.run.owner is not None}
    if not asked:
        return list(runs)
    decided = _decide(tx, runs, asked) if tx.begins_limited else Admission()
    admitted = set(decided.admitted)
    back = [new for new in runs if new.run.id in asked and new.run.id not in admitted]
    tx.effects.refused += back
    left = [asked[new.run.id].candidate() for new in back if new.run.id not in decided.held]
    tx.effects.left.update((candidate.run, candidate) for candidate in left)
    queued = {new.run.id: _queued(new, decided.held.get(new.run.id)) for new in back}
    return [queued.get(new.run.id, new) for new in runs]


def _waiting(new: NewRun) -> Waiting:
    run = new.run
    return Waiting(run.id, run.env, run.function, 0, resting=False, started=False, limits=new.limits, turn=None)


def _decide(tx: Tx, runs: Sequence[NewRun], asked: Mapping[str, Waiting]) -> Admission:
    if tx.holds(SlotRow):
        tx.flush()  # what this transaction has let in before counts
    limits = {key: _declared(new, key) for new in runs if new.run.id in asked for key in new.limits}
    states, crowded = try_limits(tx, limits)
    able = [waiting for waiting in asked.values() if all(key in states for key in waiting.limits)]
    able = _behind(tx, able, states)
    decided = admit([waiting.candidate() for waiting in able], states, to_micros(tx.now), len(able))
    take_places(tx, [asked[run] for run in decided.admitted], states)
    wakes = {key: from_micros(at) for key, at in decided.wakes.items() if key not in crowded}
    tx.effects.due += wakes.values()
    tx.effects.gated.update(decided.held.values())
    note_held(tx, set(decided.held.values()) - crowded, wakes)
    return decided


def _behind(tx: Tx, able: Sequence[Waiting], states: Mapping[str, LimitState]) -> list[Waiting]:
    """Those that are let in even when all that were left to the next claim go first."""
    first = [one for one in tx.left if all(key in states for key in (*one.keys, *one.start_keys))]
    if not first:
        return list(able)
    copies = {key: replace(state) for key, state in states.items()}
    asked = [*first, *(waiting.candidate() for waiting in able)]
    admitted = set(admit(asked, copies, to_micros(tx.now), len(asked)).admitted)
    return [waiting for waiting in able if waiting.id in admitted]


def _declared(new: NewRun, key: str) -> Declared:
    return declared_limits(new.run.function, new.flow).get(target_of(key), (None, None))


def _queued(new: NewRun, gate: str | None) -> NewRun:
    """It waits: at the limit that is full, else for the next claim."""
    run = new.run._replace(owner=None, fence=0, seq=1, status=Status.QUEUED, started_at=None, gate=gate)
    kept = [row for row in new.terms if not isinstance(row, DeadlineRow)]
    return replace(new, run=run, entries=new.entries[:1], terms=[*kept, *deadlines_of(new.flow, run)])
