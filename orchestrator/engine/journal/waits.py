"""The waits that an event settles: the first with the event, further ones in slices.

An event that more waits might take stays unrouted, with a key that says how far it has come; the router goes on there.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from orchestrator.core import matching
from orchestrator.core.ops import MessageKind
from orchestrator.engine.journal.items import Start
from orchestrator.engine.journal.names import Answer
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.rows import EventRow, InboxRow, KeyRow
from orchestrator.engine.sql import Id

KEYS_AT_ONCE = 500  # parameters of one statement
SLICE = 500  # waits that one transaction asks: each may have to be read first, which takes 0.1 ms
SCOPE = "signalbox.waits"
KEPT = timedelta(days=366)
SKEW = timedelta(seconds=1)  # between the clocks of two processes


class Candidate(NamedTuple):
    run: str
    key: str
    expr: str | None


class Progress(NamedTuple):
    """All waits up to ``run`` have been asked; those made after ``until`` came after the event."""

    run: str
    until: datetime


def match_waits(tx: Tx, starts: Sequence[Start], waited: Answer) -> set[str]:
    """Answers the events that more waits might take. They must become unrouted."""
    names = waited()
    unfinished: set[str] = set()
    for start in starts:
        event = start.event
        if event and (event.env, event.name) in names:
            last = _match_slice(tx, event, dict(start.payload or {}), None)
            if last is not None:
                tx.db.use_keys([KeyRow(event.env, SCOPE, event.id, last, tx.now + KEPT)])
                unfinished.add(event.id)
    return unfinished


def progress_of(tx: Tx, env: int, events: Sequence[str]) -> dict[str, Progress]:
    """How far those events have come that were not finished with their waits."""
    condition, params = tx.db.any_of("key", events)
    found = tx.db.query(
        f"SELECT key, ref, expires_at FROM signalbox_idempotency WHERE env = ? AND scope = ? AND {condition}",
        [env, SCOPE, *params],
    )
    moments = [(key, ref, tx.db.moment(expires)) for key, ref, expires in found]
    return {str(key): Progress(tx.db.id(ref), expires - KEPT + SKEW) for key, ref, expires in moments if expires}


def go_on(tx: Tx, event: EventRow, payload: dict[str, object], progress: Progress) -> None:
    """Asks the next slice; after the last the event is routed."""
    last = _match_slice(tx, event, payload, progress)
    where = [event.env, SCOPE, event.id]
    if last is not None:
        sql = "UPDATE signalbox_idempotency SET ref = ? WHERE env = ? AND scope = ? AND key = ?"
        tx.db.run(sql, [Id(last), *where])
        return
    tx.db.run("DELETE FROM signalbox_idempotency WHERE env = ? AND scope = ? AND key = ?", where)
    tx.db.run("UPDATE signalbox_event SET routed_at = ? WHERE id = ?", [tx.now, Id(event.id)])


def _match_slice(tx: Tx, event: EventRow, payload: dict[str, object], progress: Progress | None) -> str | None:
    """Leaves a message for every wait of the slice that takes the event; the last run asked, if there may be more."""
    message = orjson.dumps(payload).decode()
    found, last = _slice(tx, event, matching.equality_keys(payload), progress)
    for run, key, expr in found:
        if matching.accepts(expr, payload, tx.now):
            tx.add(InboxRow(run, f"step:{key}", MessageKind.EVENT, message, tx.now))
    return last


def _slice(
    tx: Tx, event: EventRow, keys: Sequence[str], progress: Progress | None
) -> tuple[list[Candidate], str | None]:
    """The next waits in the order of their runs, all of a run together, and the last run if there may be more."""
    pages = list(_pages(tx, event, keys, progress))
    full = [page[-1].run for page in pages if len(page) == SLICE]
    if not full:
        return sorted(each for page in pages for each in page), None
    last = min(full)
    before = [each for page in pages for each in page if each.run < last]
    of_last = [each for page in _pages(tx, event, keys, progress, only=last) for each in page]
    return sorted(before) + sorted(of_last), last


def _pages(
    tx: Tx, event: EventRow, keys: Sequence[str], progress: Progress | None, *, only: str = ""
) -> Iterator[list[Candidate]]:
    """One page for each group of keys: of one run, or as many as a slice holds."""
    beyond, params, limit = "", [], f" ORDER BY run, key LIMIT {SLICE}"
    if progress is not None:
        beyond, params = " AND run > ? AND created_at <= ?", [Id(progress.run), progress.until]
    if only:
        beyond, params, limit = f"{beyond} AND run = ?", [*params, Id(only)], ""
    for start in range(0, len(keys), KEYS_AT_ONCE):
        of_key = "SELECT run, key, expr FROM signalbox_wait WHERE kind = 'event' AND env = ? AND name = ?"
        group: list[str] = list(keys[start : start + KEYS_AT_ONCE])
        if tx.db.vendor == "postgresql":
            # Key by key: without statistics it reads all waits of the name, and for the order those of all names.
            sql = f"SELECT w.* FROM unnest(CAST(? AS text[])) AS k, LATERAL ({of_key} AND eq = k{beyond} OFFSET 0) AS w"
            values: list[object] = [group, event.env, event.name]
        else:
            condition, some = tx.db.any_of("eq", group)
            sql, values = f"{of_key} AND {condition}{beyond}", [event.env, event.name, *some]
        found = tx.db.query(f"WITH found AS MATERIALIZED ({sql}) SELECT * FROM found{limit}", [*values, *params])
        yield [Candidate(tx.db.id(run), key, expr) for run, key, expr in found]
