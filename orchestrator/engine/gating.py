"""Gates before functions: what is stored already decides what an event starts. Runs in the journal.

Under the lock of each gate's limit, in the transaction that stores the event; decided anew whenever that is applied.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from orchestrator.core import window
from orchestrator.core.durations import format_duration
from orchestrator.core.gating import SECOND, Gates, debounced_until, fits
from orchestrator.core.ops import ErrorInfo, MessageKind, Status
from orchestrator.engine.delayed import Delayed, write_delayed
from orchestrator.engine.gate_rows import (
    Holder,
    add_skips,
    keep_states,
    lock_delayed,
    lock_states,
    read_holders,
)
from orchestrator.engine.journal.items import Entry, NewRun, Start
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.limit_rows import gate_of, note_held, overrides, target_of
from orchestrator.engine.rows import InboxRow, SlotRow
from orchestrator.engine.values import error_json
from orchestrator.models.fields import from_micros, to_micros

OPEN_DAYS = timedelta(days=30)  # a run that nobody starts, because no worker is there, is joined that long
SINGLETON_DAYS = timedelta(days=1)


def lock_ahead(tx: Tx, starts: Iterable[Start]) -> None:
    """The gates of all that a transaction starts at different places, in order: two cannot wait crosswise."""
    if keys := _keys(starts):
        lock_states(tx, keys)


def _keys(starts: Iterable[Start]) -> set[str]:
    return {key for start in starts for new in start.runs if new.gates is not None for key in new.gates.keys}


def lock_gates(tx: Tx, starts: Iterable[Start]) -> "Gatekeeper | None":
    """The gates before what these would start, locked; None when there are none."""
    keys = _keys(starts)
    if not keys:
        return None
    if tx.was_gated:
        tx.flush()  # what was decided before in this transaction counts
    tx.was_gated = True
    return Gatekeeper(tx, lock_states(tx, keys), keys)


class Gatekeeper:
    """Decides for each event in turn; ``inserts`` tells which runs it starts."""

    def __init__(self, tx: Tx, states: dict[str, Any], keys: Iterable[str]) -> None:
        self._tx = tx
        self._now = to_micros(tx.now)
        self._states = states
        self._until: dict[str, datetime] = {}  # of states that changed
        targets = {target_of(key) for key in keys if gate_of(key) == "rate_limit"}
        self._overrides = overrides(tx, targets) if targets else {}
        self._holders = read_holders(tx, [key for key in keys if gate_of(key) == "singleton"])
        runs = {key: states[key]["run"] for key in keys if gate_of(key) in ("debounce", "batch") and states.get(key)}
        rows = lock_delayed(tx, runs.values())
        self._delayed = {run: Delayed(run, row.due_at, row=row) for run, row in rows.items()}
        self._inserted: dict[str, NewRun] = {}
        self._events: dict[str, Start] = {}
        self._skips: dict[str, list[dict[str, str]]] = {}  # of events stored before
        self._held: set[str] = set()

    def decide(self, starts: Sequence[Start]) -> None:
        """For all of them, in their order; then writes what the gates remember."""
        for start in starts:
            start.turned, start.joined = [], {}
            if start.event is not None:
                self._events[start.event.id] = start
        for start in starts:
            for new in start.runs:
                if new.gates is not None:
                    self._decide(start, new, new.gates)
        keep_states(self._tx, self._states, self._until)
        note_held(self._tx, self._held, {})
        self._tx.effects.gated |= self._held
        write_delayed(self._tx, list(self._delayed.values()))
        add_skips(self._tx, self._skips)

    def inserts(self, start: Start) -> list[NewRun]:
        """The runs that it starts."""
        found = []
        for new in start.runs:
            if new.gates is None:
                found.append(new)
            elif (delayed := self._delayed.get(new.run.id)) is not None:
                found.append(delayed.inserted(self._tx.now))
            elif (run := self._inserted.get(new.run.id)) is not None:
                found.append(run)
        return found

    def _decide(self, start: Start, new: NewRun, gates: Gates) -> None:
        if gates.batch is not None:
            self._batch(start, new, gates, gates.batch)
        elif not (self._is_over_rate(start, new, gates) or self._is_known(start, new, gates)):
            if gates.debounce is not None and (open_ := self._open(gates.debounce)) is not None:
                self._debounce(start, new, gates, open_)
            elif gates.singleton is None or self._may_go(start, new, gates, gates.singleton):
                self._create(start, new, gates)

    def _create(self, start: Start, new: NewRun, gates: Gates) -> None:
        """All gates let it by: they remember it."""
        run = new.run.id
        if gates.rate_limit is not None:
            limit, period = self._rate(gates, gates.rate_limit)
            starts = window.add(self._states.get(gates.rate_limit) or [], limit, period, self._now)
            self._keep(gates.rate_limit, starts, from_micros(self._now + period))
        self._use_key(gates, run)
        if gates.singleton is not None:
            self._tx.add(SlotRow(run, gates.singleton, 0, self._tx.now))
            waits = self._inserted.get(run) is not None
            self._holders.setdefault(gates.singleton, []).append(Holder(run, waits))
            self._keep(gates.singleton, None, self._tx.now + SINGLETON_DAYS)
        kept = self._inserted.pop(run, new)
        if gates.debounce is None:
            self._inserted[run] = kept
            return
        assert gates.flow.debounce is not None
        due = from_micros(debounced_until(gates.flow.debounce, self._now, self._now))
        self._delayed[run] = Delayed(run, max(due, new.run.due_at or due), new=kept)
        first = {"run": run, "first": self._now, "times": 0, **self._place(start)}
        self._keep(gates.debounce, first, due + OPEN_DAYS)

    # Batch

    def _batch(self, start: Start, new: NewRun, gates: Gates, key: str) -> None:
        batch, event = gates.flow.batch, start.event
        assert batch is not None
        assert event is not None
        state: Any = self._states.get(key)
        open_, size = self._open(key), len(event.data)
        if open_ is not None and not fits(state["bytes"], size):
            self._close(open_, state["n"])
            open_ = None
        if open_ is None:
            due = self._tx.now + timedelta(seconds=batch.timeout)
            open_ = self._delayed[new.run.id] = Delayed(new.run.id, due, new=new)
            state = {"run": new.run.id, "n": 1, "bytes": size}
        else:
            open_.append(new, state["n"])
            start.joined[new.run.id] = open_.id
            state = {"run": open_.id, "n": state["n"] + 1, "bytes": state["bytes"] + size}
            open_.note = "run.batched", {"events": state["n"]}
        if state["n"] >= batch.max_size:
            self._close(open_, state["n"])
            state = None
        self._keep(key, state, open_.due + OPEN_DAYS if state else self._tx.now)

    def _close(self, open_: Delayed, events: int) -> None:
        """It starts now, with what it has."""
        open_.due = self._tx.now
        open_.note = "run.batched", {"events": events, "full": True}

    # Rate limit and idempotency

    def _rate(self, gates: Gates, key: str) -> tuple[int, int]:
        """Starts, and the period in microseconds, as the code or an operator says."""
        declared = gates.flow.rate_limit
        assert declared is not None
        set_ = self._overrides.get((key.partition(":")[0], target_of(key)))
        limit, period = set_ if set_ is not None else (declared.limit, None)
        return limit, round((period or declared.period) * SECOND)

    def _is_over_rate(self, start: Start, new: NewRun, gates: Gates) -> bool:
        if gates.rate_limit is None:
            return False
        limit, period = self._rate(gates, gates.rate_limit)
        if window.room(self._states.get(gates.rate_limit) or [], limit, period, self._now):
            return False
        told = format_duration(timedelta(microseconds=period))
        self._turn(start, new, f"rate limit: {limit} in {told} have started already")
        return True

    def _is_known(self, start: Start, new: NewRun, gates: Gates) -> bool:
        state = self._states.get(gates.idempotency) if gates.idempotency is not None else None
        if state is None or state["until"] <= self._now:
            return False
        if start.event is None:
            self._join(start, new, state["run"])
        else:
            self._turn(start, new, "idempotency: a run of this key was started already", state["run"])
        return True

    def _use_key(self, gates: Gates, run: str) -> None:
        if gates.idempotency is not None:
            assert gates.flow.idempotency is not None
            until = self._now + round(gates.flow.idempotency.ttl * SECOND)
            self._keep(gates.idempotency, {"run": run, "until": until}, from_micros(until))

    # Debounce

    def _place(self, start: Start) -> dict[str, Any]:
        """Whose payload the run has by now, and how old that is."""
        event = start.event
        return {"event": event.id if event else None, "ts": to_micros(event.ts) if event else self._now}

    def _debounce(self, start: Start, new: NewRun, gates: Gates, open_: Delayed) -> None:
        key, state = str(gates.debounce), self._states[str(gates.debounce)]
        place = self._place(start)
        if place["ts"] < state["ts"]:
            self._turn(start, new, "debounced: a later event has its place", open_.id)
            return
        assert gates.flow.debounce is not None
        due = from_micros(debounced_until(gates.flow.debounce, state["first"], self._now))
        open_.replace(new, max(due, new.run.due_at or due))
        times = state["times"] + 1
        open_.note = "run.debounced", {"times": times, "event": place["event"], "until": open_.due}
        self._join(start, new, open_.id)
        if state["event"] is not None:
            self._tell_replaced(state["event"], new.run.function, open_.id, place["event"])
        self._use_key(gates, open_.id)
        self._keep(key, {**state, **place, "times": times}, open_.due + OPEN_DAYS)

    def _tell_replaced(self, event: str, function: str, run: str, by: str) -> None:
        told = {"function": function, "reason": f"debounced: event {by} took its place", "run": run}
        if event in self._events:
            self._events[event].turned.append(told)
        else:
            self._skips.setdefault(event, []).append(told)

    # Singleton

    def _may_go(self, start: Start, new: NewRun, gates: Gates, key: str) -> bool:
        """Perhaps only when the one that has the place has ended."""
        holders, control = self._holders.get(key, []), gates.flow.singleton
        assert control is not None
        if not holders:
            return True
        waiting = next((holder.run for holder in holders if holder.waits), None)
        if control.mode == "skip":
            self._turn(start, new, "singleton: a run has not ended", holders[0].run)
            return False
        if control.mode == "queue" and waiting is not None:
            self._turn(start, new, "singleton: a run waits already for the one before it to end", waiting)
            return False
        if control.mode == "cancel":
            reason = orjson.dumps({"actor": "", "reason": f"singleton: run {new.run.id} takes its place"}).decode()
            self._tx.add(*(InboxRow(h.run, "cancel", MessageKind.CANCEL, reason, self._tx.now) for h in holders))
        self._held.add(key)
        self._inserted[new.run.id] = _waiting(new, key)
        return True

    # All

    def _open(self, key: str) -> Delayed | None:
        """The run that events of this key can join."""
        state = self._states.get(key)
        return self._delayed.get(state["run"]) if state else None

    def _keep(self, key: str, state: Any, until: datetime) -> None:
        self._states[key] = state
        self._until[key] = until

    def _join(self, start: Start, new: NewRun, run: str) -> None:
        start.joined[new.run.id] = run
        if start.event is None:
            start.ref = run

    def _turn(self, start: Start, new: NewRun, reason: str, run: str | None = None) -> None:
        """A call is answered with a run that is over before it began, an event tells why it has none."""
        told = {"function": new.run.function, "reason": reason, **({"run": run} if run else {})}
        if start.event is None:
            self._inserted[new.run.id] = _skipped(new, told, self._tx.now)
            return
        start.turned.append(told)
        start.joined[new.run.id] = None


def _waiting(new: NewRun, key: str) -> NewRun:
    entries = [new.entries[0]._replace(data=orjson.dumps({"limit": target_of(key)}).decode()), *new.entries[1:]]
    return replace(new, run=new.run._replace(gate=key), entries=entries)


def _skipped(new: NewRun, told: dict[str, str], now: datetime) -> NewRun:
    entry = Entry("run.skipped", now, data=orjson.dumps({k: v for k, v in told.items() if k != "function"}).decode())
    entries = [*new.entries, entry]
    run = new.run._replace(status=Status.SKIPPED, due_at=None, ended_at=now, seq=len(entries), limits=None)
    error = error_json(ErrorInfo("RunSkipped", told["reason"]))
    return replace(new, run=run, data=new.data._replace(error=error), entries=entries, terms=())
