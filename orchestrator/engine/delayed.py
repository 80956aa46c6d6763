"""Runs that a gate keeps from starting, so that further events can join them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from orchestrator.core.ops import Status
from orchestrator.engine.gate_rows import DelayedRow, move_delayed, replace_events, replace_inputs
from orchestrator.engine.journal.items import Entry, NewRun
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.rows import CancelOnRow, DeadlineRow, RunEventRow, RunRow
from orchestrator.engine.sql import Id
from orchestrator.models.fields import to_micros


@dataclass(slots=True)
class Delayed:
    """A debounced run or a batch: ``new`` is inserted by this transaction, else ``row`` is stored and locked."""

    id: str
    due: datetime
    new: NewRun | None = None
    row: DelayedRow | None = None
    latest: NewRun | None = None  # the run that its last event would have been
    added: list[RunEventRow] = field(default_factory=list)
    envelopes: list[Any] = field(default_factory=list)
    note: tuple[str, dict[str, Any]] | None = None  # what its history tells of the events that joined

    def replace(self, new: NewRun, due: datetime) -> None:
        """It starts with that event (or payload) instead, then."""
        self.latest, self.due = new, due

    def append(self, new: NewRun, place: int) -> None:
        """It gets that event too, as its ``place``-th."""
        self.added += [RunEventRow(self.id, place, row.event) for row in new.events]
        self.envelopes += new.envelopes

    def entries(self, now: datetime) -> list[Entry]:
        if self.note is None:
            return []
        kind, data = self.note
        return [Entry(kind, now, data=orjson.dumps(data).decode())]

    def inserted(self, now: datetime) -> NewRun:
        """The run as this transaction inserts it."""
        assert self.new is not None
        content = self.latest or self.new
        entries = [*self.new.entries, *self.entries(now)]
        delayed = self.due > now
        run = self.new.run._replace(
            status=Status.DELAYED if delayed else Status.QUEUED,
            due_at=self.due if delayed else None,
            prio=_prio(content.run, self.due),
            limits=content.run.limits,
            seq=len(entries),
        )
        return replace(
            self.new,
            run=run,
            data=content.data._replace(run=self.id),
            entries=entries,
            events=[*(row._replace(run=self.id) for row in content.events), *self.added],
            envelopes=[*content.envelopes, *self.envelopes],
            share=content.share,
            terms=[row._replace(run=self.id) for row in content.terms if isinstance(row, CancelOnRow | DeadlineRow)],
        )


def _prio(run: RunRow, due: datetime) -> int:
    """Its place in the queue with the head start it has, when it starts then."""
    return run.prio + to_micros(due) - to_micros(run.due_at or run.queued_at)


def write_delayed(tx: Tx, runs: Sequence[Delayed]) -> None:
    """Stored runs with what has joined them: their new start, events, history, and what cancels them."""
    changed = [(run, run.row) for run in sorted(runs, key=lambda run: run.id) if run.row is not None and run.note]
    moves = []
    for run, row in changed:
        tx.number(run.id, row.seq, run.entries(tx.now), Status.DELAYED)
        tx.add(*run.added)
        earlier = min(0, to_micros(run.due) - to_micros(row.due_at))
        prio = _prio(run.latest.run, run.due) if run.latest else row.prio + earlier
        moves.append((Id(run.id), run.due, prio, row.seq + 1, run.latest.run.limits if run.latest else None))
        tx.effects.due.append(run.due)
        tx.effects.ready += run.due <= tx.now
    latest = [(run.id, run.latest) for run, _ in changed if run.latest is not None]
    move_delayed(tx, moves)
    replace_events(tx, [(Id(id_), Id(row.event)) for id_, new in latest for row in new.events])
    cancels = [row._replace(run=id_) for id_, new in latest for row in new.terms if type(row) is CancelOnRow]
    if cancels:
        condition, params = tx.db.any_of("run", [Id(row.run) for row in cancels])
        tx.db.run(f"DELETE FROM signalbox_cancel_on WHERE {condition}", params)
        tx.add(*cancels)
    replace_inputs(tx, [(Id(id_), new.data.input) for id_, new in latest if not new.events])
