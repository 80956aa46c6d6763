"""One transaction of the journal: rows gathered by table, written together, and what others must hear of afterwards."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from orchestrator.core.admission import Candidate
from orchestrator.engine.bell import Change
from orchestrator.engine.journal.items import Entry, NewRun
from orchestrator.engine.rows import (
    AttemptEnd,
    AttemptRow,
    BlobRow,
    CancelOnRow,
    DeadlineRow,
    EventRow,
    InboxRow,
    JournalRow,
    LogRow,
    MailRow,
    Row,
    RunDataRow,
    RunEventRow,
    RunMove,
    RunResult,
    RunRow,
    SlotRow,
    WaitRow,
)
from orchestrator.engine.sql import Connection, Id

SUCCESSES_APART = timedelta(seconds=1)  # of one function, that are written
IDS_AT_ONCE = 500  # parameters of one statement
# The place of a singleton is its run's until that ends.
UNLESS_KEPT = "(fence > 0 OR (SELECT ended_at FROM signalbox_run r WHERE r.id = signalbox_slot.run) IS NOT NULL)"
# Somebody waits for it. Who begins to wait now looks again after its commit, and finds the place.
IS_WANTED = "(SELECT held_at FROM signalbox_limit l WHERE l.key = signalbox_slot.key) IS NOT NULL"
# Order of locks (engine protocol, section 5): events, runs, what hangs on runs, inbox last.
INSERT_ORDER: tuple[type, ...] = (
    EventRow,
    RunRow,
    RunDataRow,
    RunEventRow,
    BlobRow,
    AttemptRow,
    WaitRow,
    CancelOnRow,
    DeadlineRow,
    SlotRow,
    MailRow,
    JournalRow,
    LogRow,
)


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What runs that rest or end may leave beside them: places in limits, and what would end them from outside."""

    slots: bool = True
    terms: bool = True


ALL = Leftovers()  # until it is known what the functions declare


@dataclass(slots=True)
class Effects:
    """What a committed batch means to others: bells to ring."""

    changes: dict[str, Change] = field(default_factory=dict)
    inbox_runs: set[str] = field(default_factory=set)
    released: list[str] = field(default_factory=list)
    due: list[datetime] = field(default_factory=list)
    asleep: dict[str, datetime] = field(default_factory=dict)  # runs that went to rest until then
    started: list[NewRun] = field(default_factory=list)  # inserted as held by this session: they begin now
    refused: list[NewRun] = field(default_factory=list)  # of repeated events: not inserted
    ready: int = 0  # about how many runs wait for a worker
    deadlines: list[datetime] = field(default_factory=list)
    gated: set[str] = field(default_factory=set)  # limits at which a run began to wait
    freed: set[str] = field(default_factory=set)  # limits of which a place was given back, and somebody waits for it
    left: dict[str, Candidate] = field(default_factory=dict)  # to the next claim, without a look at their limits
    looked: bool = False  # a claim has looked at all that waits
    more: bool = False  # a claim has left some: other workers may take them
    given_back: list[Callable[[], list[tuple[Any, ...]]]] = field(default_factory=list)  # still to be asked for

    def look_at_places(self) -> None:
        """Asks for the places given back: after the commit, which needed no answer about them."""
        asked, self.given_back = self.given_back, []
        self.freed.update(key for rows in asked for key, wanted in rows() if wanted)

    @property
    def concern_dispatcher(self) -> bool:
        """Whether runs begin, wake or may be claimed: most steps of runs that are held concern nobody else."""
        return bool(
            self.started
            or self.ready
            or self.inbox_runs
            or self.due
            or self.asleep
            or self.refused
            or self.deadlines
            or self.gated
            or self.freed
        )


class Tx:
    """A transaction that is open on ``db``. ``owner`` is this process's session."""

    def __init__(self, db: Connection, owner: str, now: datetime, leftovers: Leftovers = ALL) -> None:
        self.db = db
        self.owner = owner
        self.now = now
        self.effects = Effects()
        self.was_gated = False  # gates have decided in this transaction
        self.begins_limited = True  # runs of functions with limits may begin in it; no claim follows, which locks more
        self._leftovers = leftovers
        self.left: Iterable[Candidate] = ()  # runs that were stored here before, and that no claim has seen yet
        self._rows: defaultdict[type, list[Row]] = defaultdict(list)
        self._inbox: list[InboxRow] = []
        self._ends: list[AttemptEnd] = []
        self._moves: list[RunMove] = []
        self._results: list[RunResult] = []
        self._successes: set[tuple[int, str]] = set()

    def add(self, *rows: Row) -> None:
        for row in rows:
            if type(row) is InboxRow:
                self._inbox.append(row)
                self.effects.inbox_runs.add(row.run)
            else:
                self._rows[type(row)].append(row)

    def forget_inbox(self, run: str, dedup: str) -> None:
        """Takes back a message that was added to this transaction."""
        self._inbox = [row for row in self._inbox if (row.run, row.dedup) != (run, dedup)]

    def add_run(self, new: NewRun) -> None:
        run = new.run
        if run.owner is None:
            self.effects.ready += 1
        else:
            self.effects.started.append(new)
            if run.owner != self.owner:  # this session has begun anew since the run was made
                run = run._replace(owner=self.owner)
        if run.due_at is not None:
            self.effects.due.append(run.due_at)
        self.add(run, new.data, *new.events)
        if new.terms:
            self.add_terms(new.terms)
        self.number(run.id, 0, new.entries, run.status)

    def add_terms(self, terms: Sequence[Row]) -> None:
        """What may end a run from outside."""
        self.add(*terms)
        self.effects.deadlines += [row.at for row in terms if type(row) is DeadlineRow]

    def holds(self, kind: type) -> bool:
        """Whether rows of a table are gathered that are not written yet."""
        return bool(self._rows.get(kind))

    def end_attempt(self, end: AttemptEnd) -> None:
        self._ends.append(end)

    def move(self, move: RunMove) -> None:
        self._moves.append(move)
        if move.owner is None:
            self.effects.ready += move.status == "queued"
            if move.ended_at is None:
                self.effects.released.append(move.run)
            if move.due_at is not None and move.status == "sleeping":
                self.effects.asleep[move.run] = move.due_at
            elif move.due_at is not None:
                self.effects.due.append(move.due_at)

    def store_result(self, result: RunResult) -> None:
        self._results.append(result)

    def succeed(self, env: int, function: str) -> None:
        """A run of a function completed of which that is expected."""
        self._successes.add((env, function))

    def number(self, run: str, base: int, entries: Sequence[Entry], status: str | None = None) -> None:
        """Gives the entries the numbers after ``base``, which the caller has reserved."""
        rows, seq = self._rows[JournalRow], base
        for kind, at, key, number, actor, data in entries:
            seq += 1
            rows.append(JournalRow(run, seq, kind, key, number, at, actor, data))
        if status is None and (known := self.effects.changes.get(run)) is not None:
            status = known.status
        self.effects.changes[run] = Change(run, seq, status)

    def delete_waits(self, waits: Sequence[tuple[str, str]]) -> None:
        """Of runs and keys, in one statement: many timers are over at the same moment."""
        if waits:
            self.db.delete_waits(waits)

    def delete_inbox(self, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), IDS_AT_ONCE):
            condition, params = self.db.any_of("id", ids[start : start + IDS_AT_ONCE])
            self.db.run(f"DELETE FROM signalbox_inbox WHERE {condition}", params)

    def free_slots(self, runs: Sequence[str]) -> None:
        """Places that these runs held are for others."""
        for start in range(0, len(runs), IDS_AT_ONCE):
            condition, params = self.db.any_of("run", [Id(run) for run in runs[start : start + IDS_AT_ONCE]])
            sql = f"DELETE FROM signalbox_slot WHERE {condition} AND {UNLESS_KEPT} RETURNING key, {IS_WANTED}"
            self.effects.given_back.append(self.db.ask(sql, params))

    def _drop_terms(self, runs: Sequence[str]) -> None:
        for start in range(0, len(runs), IDS_AT_ONCE):
            condition, params = self.db.any_of("run", [Id(run) for run in runs[start : start + IDS_AT_ONCE]])
            self.db.run(f"DELETE FROM signalbox_cancel_on WHERE {condition}", params)
            self.db.run(f"DELETE FROM signalbox_deadline WHERE {condition}", params)

    def _note_successes(self) -> None:
        """In the order of their keys, for two processes do so at once; at most one write a second."""
        for env, function in sorted(self._successes):
            self.db.run(
                "UPDATE signalbox_expectation SET last_success_at = ? WHERE env = ? AND function = ?"
                " AND (last_success_at IS NULL OR last_success_at < ?)",
                [self.now, env, function, self.now - SUCCESSES_APART],
            )
        self._successes.clear()

    def flush(self) -> None:
        """Writes what was gathered, a statement a table, in the order of locks."""
        for kind in INSERT_ORDER:
            if rows := self._rows.pop(kind, None):
                self.db.insert(rows)
        if self._ends:
            self.db.end_attempts(self._ends)
        if self._results:
            self.db.store_results(self._results)
        if self._moves:
            self.db.move_runs(self._moves)  # their rows are locked: by the fence, or by who took them over
            if self._leftovers.slots:
                self.free_slots([move.run for move in self._moves if move.owner is None])
            if self._leftovers.terms:
                self._drop_terms([move.run for move in self._moves if move.ended_at is not None])
        if self._successes:
            self._note_successes()
        if self._inbox:
            self.db.insert(sorted(self._inbox, key=lambda row: row[:2]), ignore_conflicts=True)
        self._ends, self._results, self._moves, self._inbox = [], [], [], []
