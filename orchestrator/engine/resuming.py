"""What runs that were just claimed go on with: their inbox and due timers are settled, their requests loaded.

Runs in the journal. What needs no answer of another statement is asked for at once: a round trip, not eight.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from orchestrator.core.machine import Drained, Message, OpenWait, Settlement, drain, wakes_at
from orchestrator.core.ops import MessageKind, Status, WaitKind
from orchestrator.engine.crashes import losses_in_a_row
from orchestrator.engine.endings import TIMEOUT, cancellation, finish_timeout
from orchestrator.engine.facts import Claimed, RunFacts
from orchestrator.engine.journal.checkpoints import apply_checkpoints
from orchestrator.engine.journal.items import Checkpoint, Entry
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.loading import ask_inputs, facts_of, load_requests
from orchestrator.engine.rows import AttemptEnd, MailRow
from orchestrator.engine.sql import RESERVED, FenceClaim, Id
from orchestrator.engine.starting import Starting
from orchestrator.engine.terms import finish_by
from orchestrator.sdk.registry import Definition

TOLD = "told"  # in a request to cancel: the history has it already


def resume(
    tx: Tx,
    taken: Sequence[tuple[Any, ...]],
    parked: Mapping[str, int],
    *,
    ahead: Collection[str] = (),
    functions: Sequence[Definition] = (),
    starting: Starting | None = None,
) -> list[Claimed]:
    """Of rows of ``Connection.claim``; those without a coroutine in memory get their request."""
    if not taken:
        return []
    facts = losses_in_a_row(tx, facts_of(tx, taken))
    resting = {f.id for f in facts if parked.get(f.id) == f.fence - 1}
    inputs = ask_inputs(tx, [f.id for f in facts if f.id not in resting])
    first = {f.id: [Entry(_beginning(f, tx), tx.now)] for f in facts}
    claimed, entries = _learn(tx, facts, first, ahead=resting.intersection(ahead))
    _number(tx, facts, entries, {f.id: row[RESERVED] - 1 for f, row in zip(facts, taken, strict=True)})
    _set_deadlines(tx, facts, functions)
    tx.flush()
    _end_cancelled(tx, claimed, starting)
    load_requests(tx, [c for c in claimed if c.drained.cancel is None and c.facts.id not in resting], inputs)
    return claimed


def settle_held(tx: Tx, runs: Sequence[RunFacts]) -> list[Claimed]:
    """Of runs whose rows this session holds locked while their code may run."""
    claimed, entries = _learn(tx, runs, {facts.id: [] for facts in runs}, held=True)
    wanted = [FenceClaim(facts.id, facts.fence, len(entries[facts.id])) for facts in runs if entries[facts.id]]
    bases = tx.db.fence(tx.owner, wanted) if wanted else {}
    for run, base in bases.items():
        if base is not None:
            tx.number(run, base, entries[run], Status.RUNNING)
    return claimed


def _number(tx: Tx, runs: Sequence[RunFacts], entries: Mapping[str, list[Entry]], bases: Mapping[str, int]) -> None:
    """The claim has reserved one number for each; who says more reserves what it needs besides."""
    more = [FenceClaim(facts.id, facts.fence, len(entries[facts.id]) - 1) for facts in runs]
    if wanted := [claim for claim in more if claim.n]:
        tx.db.fence(tx.owner, wanted)
    for facts in runs:
        tx.number(facts.id, bases[facts.id], entries[facts.id], Status.RUNNING)


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
) -> tuple[list[Claimed], dict[str, list[Entry]]]:
    """Drains inbox and due timers of runs, of those ``ahead`` as at the moment when they wake; with what to journal.

    ``held``: their code may run. A request to cancel stays until it has ended: this process may die before.
    """
    if not runs:
        return [], {}
    asked_waits, asked_messages = _ask_waits(tx, runs), _ask_messages(tx, runs)
    waits, messages = asked_waits(), asked_messages()
    claimed = []
    read: list[int] = []
    entries: dict[str, list[Entry]] = {}
    for facts in runs:
        if not waits[facts.id] and not messages[facts.id]:
            entries[facts.id] = first[facts.id]
            claimed.append(Claimed(facts, None))
            continue
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
    return claimed, entries


def _end_cancelled(tx: Tx, claimed: Iterable[Claimed], starting: Starting | None = None) -> None:
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


def _ask_waits(tx: Tx, runs: Sequence[RunFacts]) -> Callable[[], dict[str, list[OpenWait]]]:
    condition, params = tx.db.any_of("run", [Id(f.id) for f in runs])
    rows = tx.db.ask(
        f"SELECT run, key, kind, name, number, due_at FROM signalbox_wait WHERE {condition} ORDER BY created_at, key",
        params,
    )

    def read() -> dict[str, list[OpenWait]]:
        result: dict[str, list[OpenWait]] = {f.id: [] for f in runs}
        for run, key, kind, name, number, due_at in rows():
            result[tx.db.id(run)].append(OpenWait(key, WaitKind(kind), name, number, tx.db.moment(due_at)))
        return result

    return read


def _ask_messages(tx: Tx, runs: Sequence[RunFacts]) -> Callable[[], dict[str, list[Message]]]:
    condition, params = tx.db.any_of("run", [Id(f.id) for f in runs])
    rows = tx.db.ask(
        f"SELECT id, run, kind, dedup, CAST(data AS text) FROM signalbox_inbox WHERE {condition} ORDER BY id", params
    )

    def read() -> dict[str, list[Message]]:
        result: dict[str, list[Message]] = {f.id: [] for f in runs}
        for id_, run, kind, dedup, data in rows():
            message = Message(id_, MessageKind(kind), dedup, orjson.loads(data) if data else {})
            result[tx.db.id(run)].append(message)
        return result

    return read


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
