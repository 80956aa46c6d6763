"""What gates read and write, a statement for all events of a batch. Runs in the journal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.limit_rows import gate_of, target_of
from orchestrator.engine.sql import Id

AT_ONCE = 200  # rows of one statement
CASTS = {"id": "uuid", "moment": "timestamptz", "integer": "bigint", "text": "text", "json": "json"}


@dataclass(frozen=True, slots=True)
class DelayedRow:
    """A stored run that has not begun, locked."""

    seq: int
    due_at: datetime
    prio: int


@dataclass(slots=True)
class Holder:
    """A run of a singleton that has not ended. ``waits``: for another one to end."""

    run: str
    waits: bool


def lock_states(tx: Tx, keys: Iterable[str]) -> dict[str, Any]:
    """What each gate remembers, locked until the commit."""
    states: dict[str, Any] = {}
    for some in _slices(sorted(set(keys))):
        rows = ", ".join(["(?, ?, ?, ?)"] * len(some))
        params: list[Any] = []
        for key in some:
            # A singleton's place is given on as those of concurrency limits are.
            params += [key, int(key.partition(":")[0]), target_of(key), 1 if gate_of(key) == "singleton" else None]
        found = tx.db.query(
            f"INSERT INTO signalbox_limit (key, env, target, size) VALUES {rows}"
            " ON CONFLICT (key) DO UPDATE SET target = excluded.target RETURNING key, state",
            params,
        )
        states |= {key: orjson.loads(text) for key, text in found if text is not None}
    return states


def keep_states(tx: Tx, states: Mapping[str, Any], until: Mapping[str, datetime]) -> None:
    """Remembers the state of each key of ``until`` until then."""
    rows = [(key, _json(states.get(key)), moment) for key, moment in sorted(until.items())]
    _update(
        tx,
        "signalbox_limit SET state = v.column2, expires_at = v.column3",
        "signalbox_limit.key = v.column1",
        ("text", "text", "moment"),
        rows,
    )


def lock_delayed(tx: Tx, runs: Iterable[str]) -> dict[str, DelayedRow]:
    """Those of the runs that have not begun; one that somebody takes, or is to cancel, is not among them."""
    lock = " FOR NO KEY UPDATE SKIP LOCKED" if tx.db.vendor == "postgresql" else ""
    found: dict[str, DelayedRow] = {}
    for some in _slices(sorted(set(runs))):
        condition, params = tx.db.any_of("id", [Id(run) for run in some])
        rows = tx.db.query(
            f"SELECT id, seq, due_at, prio FROM signalbox_run WHERE {condition} AND status = 'delayed'"
            " AND owner IS NULL AND NOT EXISTS (SELECT 1 FROM signalbox_inbox i"
            f" WHERE i.run = signalbox_run.id AND i.kind = 'cancel') ORDER BY id{lock}",
            params,
        )
        for id_, seq, due_at, prio in rows:
            found[tx.db.id(id_)] = DelayedRow(seq, tx.db.moment(due_at) or tx.now, prio)
    return found


def read_holders(tx: Tx, keys: Iterable[str]) -> dict[str, list[Holder]]:
    """Runs that have the place of each singleton or wait for it, oldest first."""
    holders: dict[str, list[Holder]] = {}
    for some in _slices(sorted(set(keys))):
        condition, params = tx.db.any_of("s.key", some)
        rows = tx.db.query(
            "SELECT s.key, s.run, coalesce(r.gate = s.key, ?) FROM signalbox_slot s"
            " JOIN signalbox_run r ON r.id = s.run"
            f" WHERE {condition} AND s.fence = 0 AND r.ended_at IS NULL ORDER BY s.run",
            [False, *params],
        )
        for key, run, waits in rows:
            holders.setdefault(key, []).append(Holder(tx.db.id(run), bool(waits)))
    return holders


def move_delayed(tx: Tx, rows: Sequence[tuple[Id, datetime, int, int, str | None]]) -> None:
    """Run, start, place in its queue, number of its last entry, and keys of its limits if those changed."""
    _update(
        tx,
        "signalbox_run SET due_at = v.column2, prio = v.column3, seq = v.column4,"
        " limits = coalesce(v.column5, signalbox_run.limits)",
        "signalbox_run.id = v.column1",
        ("id", "moment", "integer", "integer", "text"),
        rows,
    )


def replace_events(tx: Tx, rows: Sequence[tuple[Id, Id]]) -> None:
    """Run and event."""
    _update(
        tx,
        "signalbox_run_event SET event = v.column2",
        "signalbox_run_event.run = v.column1 AND signalbox_run_event.n = 0",
        ("id", "id"),
        rows,
    )


def replace_inputs(tx: Tx, rows: Sequence[tuple[Id, str | None]]) -> None:
    """Run and what it was called with."""
    _update(
        tx,
        "signalbox_run_data SET input = v.column2",
        "signalbox_run_data.run = v.column1",
        ("id", "json"),
        rows,
    )


def add_skips(tx: Tx, skips: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
    """Tells of stored events why functions have no run of them after all."""
    for some in _slices(sorted(skips)):
        condition, params = tx.db.any_of("id", [Id(event) for event in some])
        known = tx.db.query(f"SELECT id, CAST(skipped AS text) FROM signalbox_event WHERE {condition}", params)
        rows = [
            (Id(event), _json([*orjson.loads(text or "[]"), *skips[event]]))
            for event, text in ((tx.db.id(id_), text) for id_, text in known)
        ]
        _update(tx, "signalbox_event SET skipped = v.column2", "signalbox_event.id = v.column1", ("id", "json"), rows)


def _update(tx: Tx, what: str, where: str, kinds: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    postgres = tx.db.vendor == "postgresql"
    row = f"({', '.join(f'CAST(? AS {CASTS[kind]})' if postgres else '?' for kind in kinds)})"
    for some in _slices(rows):
        values = ", ".join([row] * len(some))
        tx.db.run(
            f"UPDATE {what} FROM (VALUES {values}) AS v WHERE {where}", [value for each in some for value in each]
        )


def _slices(rows: Sequence[Any]) -> list[Any]:
    return [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
