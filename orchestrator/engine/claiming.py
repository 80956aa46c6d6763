"""Taking runs: ready ones, those whose timer is due, those with something in their inbox. Runs in the journal."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from orchestrator.conf import Settings
from orchestrator.core.machine import Drained, Message, OpenWait, Settlement, drain, wakes_at
from orchestrator.core.ops import MessageKind, Status, WaitKind
from orchestrator.engine.admission import take_admitted
from orchestrator.engine.crashes import losses_in_a_row
from orchestrator.engine.endings import TIMEOUT, cancellation, finish_timeout
from orchestrator.engine.facts import Claimed, RunFacts
from orchestrator.engine.journal.checkpoints import apply_checkpoints
from orchestrator.engine.journal.items import Checkpoint, Entry
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.limit_rows import open_gates
from orchestrator.engine.limit_sweep import LimitSweep
from orchestrator.engine.loading import facts_of, load_facts, load_requests
from orchestrator.engine.pausing import Pauses, held_by, hold_paused
from orchestrator.engine.rows import AttemptEnd, MailRow
from orchestrator.engine.sql import FenceClaim, Id
from orchestrator.engine.starting import Starting
from orchestrator.engine.terms import finish_by
from orchestrator.sdk.registry import Definition

TOLD = "told"  # in a request to cancel: the history has it already
# Ending a run needs none of its author's code: any engine process may.
TO_CANCEL = "ended_at IS NULL AND id IN (SELECT run FROM signalbox_inbox WHERE kind = 'cancel')"
# Others wake a run that rests in a step; what comes for a delayed, blocked or backed-off run is read when it goes on.
WITH_MESSAGES = (
    "status IN ('sleeping', 'waiting', 'retrying') AND id IN (SELECT run FROM signalbox_inbox)"
    " AND NOT EXISTS (SELECT 1 FROM signalbox_wait w WHERE w.run = signalbox_run.id AND w.key = '')"
)


@dataclass(frozen=True, slots=True)
class Claiming:
    """What to take: at most ``limit`` runs of these functions, of the queues and the version of the settings.

    ``parked``: runs whose coroutine rests in memory, with the fence under which it went to rest. ``starting`` makes
    what an end starts. ``freed``: limits of which places were given back; ``sweep`` tells which others to look at.
    ``ahead``: parked runs whose sleep is nearly over, taken while there is room to spare.
    """

    settings: Settings
    functions: Sequence[Definition]
    limit: int
    parked: Mapping[str, int]
    starting: Starting
    pauses: Pauses
    freed: Iterable[str]
    sweep: LimitSweep
    ahead: Collection[str] = ()

    def __call__(self, tx: Tx) -> list[Claimed]:
        taken = self._take(tx)
        return resume(tx, taken, self.parked, ahead=self.ahead, functions=self.functions, starting=self.starting)

    def _take(self, tx: Tx) -> list[tuple[Any, ...]]:
        unless_paused, held = self._hold_paused(tx)
        flows = {known.id: known.flow for known in self.functions if known.flow.needs_admission}
        taken = self._claim(tx, [(TO_CANCEL, [])], self.limit)
        arms = self._arms(tx, [known.id for known in self.functions], unless_paused, held)
        if not flows:
            taken += self._claim(tx, arms, self.limit - len(taken))
        else:
            open_gates(tx, [*self.freed, *self.sweep.keys(tx)], self.limit)
            taken += take_admitted(tx, arms, flows, self.limit - len(taken))
        if self.ahead:
            asleep, runs = tx.db.any_of("id", [Id(run) for run in self.ahead])
            condition = f"status = 'sleeping' AND limits IS NULL AND {asleep}{unless_paused}"
            taken += self._claim(tx, [(condition, [*runs, *held])], self.limit - len(taken))
        tx.effects.looked |= len(taken) < self.limit
        return taken

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

    def _arms(self, tx: Tx, names: Sequence[str], more: str, held: Sequence[Any]) -> list[tuple[str, list[Any]]]:
        """Runs of these functions that could go on."""
        known, functions = tx.db.any_of("function", list(names))
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
        return _learn(tx, facts, {f.id: [] for f in facts}, held=True)


def resume(
    tx: Tx,
    taken: Sequence[tuple[Any, ...]],
    parked: Mapping[str, int],
    *,
    ahead: Collection[str] = (),
    functions: Sequence[Definition] = (),
    starting: Starting | None = None,
) -> list[Claimed]:
    """Runs just claimed: their inbox and timers are settled; those without a coroutine in memory are loaded."""
    if not taken:
        return []
    facts = losses_in_a_row(tx, facts_of(tx, taken))
    first = {f.id: [Entry(_beginning(f, tx), tx.now)] for f in facts}
    claimed = _learn(tx, facts, first, ahead={f.id for f in facts if f.id in ahead and parked.get(f.id) == f.fence - 1})
    _set_deadlines(tx, facts, functions)
    tx.flush()
    end_cancelled(tx, claimed, starting)
    cold = [c for c in claimed if c.drained.cancel is None and parked.get(c.facts.id) != c.facts.fence - 1]
    load_requests(tx, cold)
    return claimed


def _set_deadlines(tx: Tx, runs: Sequence[RunFacts], functions: Sequence[Definition]) -> None:
    """Of runs that somebody takes for the first time."""
    finish = {known.id: known.flow.timeouts.finish for known in functions if known.flow.timeouts is not None}
    for facts in runs if finish else ():
        seconds = finish.get(facts.function)
        if seconds is not None and facts.fence == 1:
            tx.add_terms([finish_by(facts.id, seconds, tx.now)])


def _beginning(facts: RunFacts, tx: Tx) -> str:
    return "run.started" if facts.started_at == tx.now else "run.resumed"


def _learn(
    tx: Tx,
    runs: Sequence[RunFacts],
    first: Mapping[str, list[Entry]],
    *,
    held: bool = False,
    ahead: Collection[str] = (),
) -> list[Claimed]:
    """Drains inbox and due timers of runs and journals it; of those ``ahead`` as at the moment when they wake.

    ``held``: their code may run. A request to cancel stays until it has ended: this process may die before.
    """
    if not runs:
        return []
    waits = _open_waits(tx, runs)
    messages = _messages(tx, runs)
    claimed = []
    read: list[int] = []
    entries: dict[str, list[Entry]] = {}
    for facts in runs:
        now = tx.now
        if facts.id in ahead:
            now = wakes_at(waits[facts.id], messages[facts.id]) or now
        drained = drain(waits[facts.id], messages[facts.id], now)
        drained.settled = [_with_blob(tx, settlement) for settlement in drained.settled]
        entries[facts.id] = [*(entry._replace(at=now) for entry in first[facts.id]), *_entries(drained, tx, now)]
        _write(tx, facts, drained, now)
        kept = drained.cancel if held else None
        read += [message.id for message in messages[facts.id] if message is not kept]
        if kept is not None:
            _mark_told(tx, kept)
        settled = {s.key for s in drained.settled}
        still_open = {wait.key: wait for wait in waits[facts.id] if wait.key not in settled}
        mail = [(m.id, str(m.data["name"]), m.data.get("data")) for m in drained.mail]
        claimed.append(Claimed(facts, None, drained, mail, still_open, now if now > tx.now else None))
    tx.delete_waits([(c.facts.id, s.key) for c in claimed for s in c.drained.settled])
    tx.delete_inbox(read)
    wanted = [FenceClaim(f.id, f.fence, len(entries[f.id])) for f in runs if entries[f.id]]
    bases = tx.db.fence(tx.owner, wanted) if wanted else {}
    for run, base in bases.items():
        if base is not None:
            tx.number(run, base, entries[run], Status.RUNNING)
    return claimed


def end_cancelled(tx: Tx, claimed: Iterable[Claimed], starting: Starting | None = None) -> None:
    """Ends claimed runs that were asked to end while nothing of them was running."""
    checkpoints = []
    for run in claimed:
        cancel = run.drained.cancel
        if cancel is not None:
            checkpoint = Checkpoint(run.facts.id, run.facts.fence)
            checkpoints.append(cancellation(checkpoint, run.facts, tx.now, dict(cancel.data)))
            error = finish_timeout(cancel.data)
            if error is not None and starting is not None:
                load_requests(tx, [run])
                assert run.request is not None
                checkpoint.starts += starting.after_failure(run.facts, run.request, error, tx.now)
    apply_checkpoints(tx, checkpoints)


def _open_waits(tx: Tx, runs: Sequence[RunFacts]) -> dict[str, list[OpenWait]]:
    condition, params = tx.db.any_of("run", [Id(f.id) for f in runs])
    result: dict[str, list[OpenWait]] = {f.id: [] for f in runs}
    for run, key, kind, name, number, due_at in tx.db.query(
        f"SELECT run, key, kind, name, number, due_at FROM signalbox_wait WHERE {condition} ORDER BY created_at, key",
        params,
    ):
        result[tx.db.id(run)].append(OpenWait(key, WaitKind(kind), name, number, tx.db.moment(due_at)))
    return result


def _messages(tx: Tx, runs: Sequence[RunFacts]) -> dict[str, list[Message]]:
    condition, params = tx.db.any_of("run", [Id(f.id) for f in runs])
    result: dict[str, list[Message]] = {f.id: [] for f in runs}
    for id_, run, kind, dedup, data in tx.db.query(
        f"SELECT id, run, kind, dedup, CAST(data AS text) FROM signalbox_inbox WHERE {condition} ORDER BY id", params
    ):
        message = Message(id_, MessageKind(kind), dedup, orjson.loads(data) if data else {})
        result[tx.db.id(run)].append(message)
    return result


def _with_blob(tx: Tx, settlement: Settlement) -> Settlement:
    """A child's large output is a blob: the parent's step refers to the same one."""
    if settlement.blob is None:
        return settlement
    [(body,)] = tx.db.query("SELECT body FROM signalbox_blob WHERE id = ?", [Id(settlement.blob)])
    return replace(settlement, output=orjson.loads(body))


def _entries(drained: Drained, tx: Tx, now: datetime) -> list[Entry]:
    entries = [
        Entry("signal.received", tx.now, data=orjson.dumps(dict(message.data)).decode()) for message in drained.signals
    ]
    entries += [Entry("result.refused", tx.now) for _ in range(drained.refused)]
    entries += [Entry(f"step.{s.status}", now, s.key, s.number) for s in drained.settled if s.status is not None]
    if drained.cancel is not None and not {TOLD, TIMEOUT} & drained.cancel.data.keys():
        data = dict(drained.cancel.data)
        actor = str(data.get("actor", ""))
        entries.append(Entry("cancel.requested", tx.now, actor=actor, data=orjson.dumps(data).decode()))
    return entries


def _mark_told(tx: Tx, cancel: Message) -> None:
    json = "json" if tx.db.vendor == "postgresql" else "text"
    data = orjson.dumps({**cancel.data, TOLD: True}).decode()
    tx.db.run(f"UPDATE signalbox_inbox SET data = CAST(? AS {json}) WHERE id = ?", [data, cancel.id])


def _write(tx: Tx, facts: RunFacts, drained: Drained, now: datetime) -> None:
    for settlement in drained.settled:
        if settlement.status is not None:
            tx.end_attempt(_attempt_end(facts.id, settlement, now))
    for message in drained.mail:
        payload = orjson.dumps(message.data.get("data")).decode()
        tx.add(MailRow(facts.id, str(message.data["name"]), message.id, payload))


def _attempt_end(run: str, s: Settlement, now: datetime) -> AttemptEnd:
    output = None if s.blob or (s.output is None and s.status is Status.FAILED) else orjson.dumps(s.output).decode()
    error = orjson.dumps(s.error).decode() if s.error else None
    assert s.status is not None
    return AttemptEnd(run, s.key, s.number, s.status, now, output, s.blob, error, None)
