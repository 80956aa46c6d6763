"""Retention: what is older than it is kept is deleted in small transactions, oldest first.

No state is stored. A walk goes by id, and ids are times: one that is cut short begins anew and finds what is left.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from orchestrator.core import ids
from orchestrator.core.retention import Retention, of_function
from orchestrator.engine.retention_delete import begin_large, delete_events, delete_lines, delete_piece, delete_runs
from orchestrator.engine.retention_walk import (
    WINDOW,
    Due,
    environments_of,
    old_children,
    old_events,
    old_roots,
    orphaned,
    runs_with_lines,
    weights,
)
from orchestrator.engine.sql import Connection

TARGET_SECONDS = 0.01  # for one transaction: SQLite has one writer, and a busy machine takes longer than the last time
FEWEST, MOST = 20, 4_000  # rows of one transaction


class Deleted(NamedTuple):
    """How many of each."""

    runs: int = 0
    events: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True)
class RunRule:
    """Runs of a function that no other run invoked, ended before that moment; their children go with them."""

    env: int
    function: str
    before: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes: runs by function, events and log lines by environment."""

    runs: Sequence[RunRule] = ()
    events: Mapping[int, datetime] = field(default_factory=dict)
    lines: Mapping[int, datetime] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.runs or self.events or self.lines)


def plan_of(db: Connection, retention: Retention, now: datetime) -> Plan:
    """What is older than the settings and the functions' own lengths keep."""
    runs, events, lines = [], {}, {}
    names = environments_of(db)
    for env, name in names.items():
        kept = retention.of(name)
        if (moment := _moment(now, kept.events)) is not None:
            events[env] = moment
        if (moment := _moment(now, kept.logs)) is not None:
            lines[env] = moment
    rows = db.query("SELECT env, slug, CAST(config AS text) FROM signalbox_function ORDER BY env, slug")
    for env, function, config in rows:
        length = of_function(orjson.loads(config), retention.of(names.get(env, "")).runs)
        if (moment := _moment(now, length)) is not None:
            runs.append(RunRule(env, function, moment))
    return Plan(runs, events, lines)


def plan_older_than(db: Connection, length: timedelta, now: datetime, *, env: int, function: str | None) -> Plan:
    """Everything of an environment that is older than that; with a ``function`` its runs alone."""
    moment = _moment(now, length)
    if moment is None:
        return Plan()
    rows = db.query("SELECT slug FROM signalbox_function WHERE env = ? ORDER BY slug", [env])
    rules = [RunRule(env, slug, moment) for (slug,) in rows if function in (None, slug)]
    return Plan(rules) if function is not None else Plan(rules, {env: moment}, {env: moment})


def _moment(now: datetime, length: timedelta | None) -> datetime | None:
    """None for what is kept for ever, or since before there were ids."""
    if length is None or now - length < ids.EPOCH:
        return None
    return now - length


class Pace:
    """How many rows a transaction may delete, learnt from how long the last ones took."""

    def __init__(self, target_seconds: float = TARGET_SECONDS) -> None:
        self.rows = 500
        self._target = target_seconds

    def learn(self, rows: int, seconds: float) -> None:
        if seconds > self._target or rows * 2 > self.rows:
            factor = min(1.5, max(0.25, self._target / max(seconds, 1e-6)))
            self.rows = int(min(MOST, max(FEWEST, self.rows * factor)))


class Sweep:
    """One walk through everything. ``steps`` answers after each transaction, and after each look that found none."""

    def __init__(self, db: Connection, plan: Plan, pace: Pace | None = None) -> None:
        self._db = db
        self._plan = plan
        self.pace = pace or Pace()

    def steps(self) -> Iterator[Deleted]:
        for rule in self._plan.runs:
            for window in old_roots(self._db, rule.env, rule.function, rule.before):
                yield Deleted()
                yield from self._runs(window)
        if self._plan.runs:
            for parents in orphaned(self._db):
                yield Deleted()
                yield from self._below(parents)
        for env, before in self._plan.events.items():
            yield from self._events(env, before)
        if self._plan.lines:
            yield from self._lines(self._plan.lines)

    def _runs(self, found: Sequence[Due]) -> Iterator[Deleted]:
        """Deletes the runs, then those below them."""
        for chunk, weight in self._chunks(found):
            if weight > self.pace.rows:
                yield from self._pieces(chunk[0])
            begin = time.perf_counter()
            gone = delete_runs(self._db, chunk)
            self.pace.learn(weight, time.perf_counter() - begin)
            yield Deleted(runs=len(gone))
            yield from self._below(gone)

    def _chunks(self, found: Sequence[Due]) -> Iterator[tuple[list[str], int]]:
        """Runs with about as many rows as a transaction may delete; one that has more comes alone."""
        chunk: list[str] = []
        total = 0
        for run, weight in weights(self._db, found).items():
            if chunk and total + weight > self.pace.rows:
                yield chunk, total
                chunk, total = [], 0
            chunk.append(run)
            total += weight
        if chunk:
            yield chunk, total

    def _pieces(self, run: str) -> Iterator[Deleted]:
        """Most of a large run, so that the transaction which deletes it is a small one."""
        more = begin_large(self._db, run)
        while more:
            begin, rows = time.perf_counter(), self.pace.rows
            more = delete_piece(self._db, run, rows)
            self.pace.learn(rows if more else 0, time.perf_counter() - begin)
            yield Deleted()

    def _below(self, parents: Sequence[str]) -> Iterator[Deleted]:
        """Deletes what the runs that are gone had invoked, a level at a time."""
        while parents:
            found = old_children(self._db, parents)
            gone = 0
            for deleted in self._runs(found):
                gone += deleted.runs
                yield deleted
            if len(found) < WINDOW or not gone:
                return

    def _events(self, env: int, before: datetime) -> Iterator[Deleted]:
        for window in old_events(self._db, env, before):
            yield Deleted()
            while window:
                count = max(1, self.pace.rows // 4)  # an event is wider than a row of history
                chunk, window = window[:count], window[count:]
                begin = time.perf_counter()
                deleted = delete_events(self._db, chunk)
                self.pace.learn(len(chunk) * 4, time.perf_counter() - begin)
                yield Deleted(events=deleted)

    def _lines(self, moments: Mapping[int, datetime]) -> Iterator[Deleted]:
        for env, runs in runs_with_lines(self._db, max(moments.values())):
            yield Deleted()
            # Lines that came after their run was deleted have no environment.
            before = moments.get(env) if env is not None else max(moments.values())
            deleted = limit = 0
            while before is not None and deleted >= limit:
                begin, limit = time.perf_counter(), self.pace.rows
                deleted = delete_lines(self._db, runs, before, limit)
                self.pace.learn(deleted, time.perf_counter() - begin)
                yield Deleted(lines=deleted)
