"""Finding what is no longer kept: windows of a few hundred rows, by keys that only grow. Reads without a lock."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from orchestrator.core import ids
from orchestrator.engine.sql import Connection, Id

WINDOW = 500
FIRST = "0" * 26
PAGE = 4096  # bytes of a blob that cost about as much to delete as a row

# A run goes when it has ended and nothing that it invoked goes on.
OVER = (
    "r.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM signalbox_run c WHERE c.parent = r.id AND c.ended_at IS NULL)"
)


class Due(NamedTuple):
    """A run that may go; ``entries`` of its journal."""

    run: str
    entries: int


def environments_of(db: Connection) -> dict[int, str]:
    return {int(env): str(name) for env, name in db.query("SELECT id, name FROM signalbox_environment ORDER BY id")}


def old_roots(db: Connection, env: int, function: str, before: datetime) -> Iterator[list[Due]]:
    """Runs of a function that no run invoked, ended before that moment, oldest first."""
    sql = (
        f"SELECT r.id, r.seq, CASE WHEN r.parent IS NULL AND r.ended_at < ? AND {OVER} THEN 1 ELSE 0 END"
        " FROM signalbox_run r WHERE r.env = ? AND r.function = ? AND r.id > ? AND r.id < ?"
        f" ORDER BY r.id LIMIT {WINDOW}"
    )
    cursor = FIRST
    while True:
        rows = db.query(sql, [before, env, function, Id(cursor), Id(_id_at(before))])
        yield [Due(db.id(id), entries) for id, entries, due in rows if due]
        if len(rows) < WINDOW:
            return
        cursor = db.id(rows[-1][0])


def old_children(db: Connection, parents: Sequence[str]) -> list[Due]:
    """Some of the runs that these have invoked, at most WINDOW, of those that are over."""
    condition, params = db.any_of("r.parent", [Id(parent) for parent in parents])
    rows = db.query(f"SELECT r.id, r.seq FROM signalbox_run r WHERE {condition} AND {OVER} LIMIT {WINDOW}", params)
    return [Due(db.id(id), entries) for id, entries in rows]


def orphaned(db: Connection) -> Iterator[list[str]]:
    """Runs that are gone while others which they invoked are not: a walk was cut short between the two."""
    cursor = FIRST
    while True:
        rows = db.query(
            f"SELECT DISTINCT parent FROM signalbox_run WHERE parent > ? ORDER BY parent LIMIT {WINDOW}", [Id(cursor)]
        )
        parents = [db.id(raw) for (raw,) in rows]
        if parents:
            known = _known(db, parents)
            yield [parent for parent in parents if parent not in known]
        if len(parents) < WINDOW:
            return
        cursor = parents[-1]


def old_events(db: Connection, env: int, before: datetime) -> Iterator[list[str]]:
    """Events received before that moment that no run needs."""
    sql = (
        "SELECT v.id, CASE WHEN v.received_at < ? AND v.routed_at IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM signalbox_run_event e WHERE e.event = v.id) THEN 1 ELSE 0 END"
        f" FROM signalbox_event v WHERE v.env = ? AND v.id > ? AND v.id < ? ORDER BY v.id LIMIT {WINDOW}"
    )
    cursor = FIRST
    while True:
        rows = db.query(sql, [before, env, Id(cursor), Id(_id_at(before))])
        yield [db.id(id) for id, due in rows if due]
        if len(rows) < WINDOW:
            return
        cursor = db.id(rows[-1][0])


def runs_with_lines(db: Connection, before: datetime) -> Iterator[tuple[int | None, list[str]]]:
    """Runs begun before that moment that have log lines, by environment; None where the run itself is gone."""
    cursor = FIRST
    while True:
        rows = db.query(
            f"SELECT DISTINCT run FROM signalbox_log WHERE run > ? AND run < ? ORDER BY run LIMIT {WINDOW}",
            [Id(cursor), Id(_id_at(before))],
        )
        runs = [db.id(raw) for (raw,) in rows]
        if runs:
            known = _known(db, runs)
            by_env: dict[int | None, list[str]] = {}
            for run in runs:
                by_env.setdefault(known.get(run), []).append(run)
            yield from by_env.items()
        if len(runs) < WINDOW:
            return
        cursor = runs[-1]


def weights(db: Connection, found: Sequence[Due]) -> dict[str, int]:
    """About how many rows go with each run; large values count by their pages."""
    if not found:
        return {}
    condition, params = db.any_of("run", [Id(due.run) for due in found])
    weight = {due.run: 4 + 2 * due.entries for due in found}
    counts = db.query(f"SELECT run, count(*) FROM signalbox_log WHERE {condition} GROUP BY run", params)
    sizes = db.query(f"SELECT run, sum(size) FROM signalbox_blob WHERE {condition} GROUP BY run", params)
    for raw, lines in counts:
        weight[db.id(raw)] += int(lines)
    for raw, size in sizes:
        weight[db.id(raw)] += int(size) // PAGE
    return weight


def _known(db: Connection, runs: Sequence[str]) -> dict[str, int]:
    condition, params = db.any_of("id", [Id(run) for run in runs])
    rows: list[tuple[Any, ...]] = db.query(f"SELECT id, env FROM signalbox_run WHERE {condition}", params)
    return {db.id(id): env for id, env in rows}


def _id_at(moment: datetime) -> str:
    return ids.new_id(moment, b"\xff" * 10)
