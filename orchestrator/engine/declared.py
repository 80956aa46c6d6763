"""Schedules that are declared with their functions: rows, as those made while running."""

from collections.abc import Iterable
from typing import Any

import orjson

from orchestrator.engine.clock import system_clock
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.schedule_rows import put_schedule
from orchestrator.sdk.registry import Definition
from orchestrator.sdk.timing import Declared


def declare_schedules(tx: Tx, definitions: Iterable[Definition], env: int = 1) -> None:
    """Inserts or updates the schedules of these functions. Those that the code has no more are marked removed.

    One that says the same as before goes on where it was; a changed one begins anew. A pause stays.
    """
    known = list(definitions)
    wanted = {slug: (d.id, declared) for d in known for slug, declared in by_slug(d.id, d.schedules)}
    stored = _stored(tx, env)
    for slug, (function, declared) in wanted.items():
        says = (function, declared.schedule.to_json(), declared.payload and orjson.loads(declared.payload))
        if stored.get(slug) != says:
            put_schedule(
                tx,
                system_clock.new_id(),
                env,
                slug,
                function=function,
                schedule=declared.schedule,
                payload=declared.payload,
                declared=True,
            )
    here = {d.id for d in known}
    for slug, (function, _, _) in stored.items():
        if function in here and slug not in wanted:
            tx.db.run(f"{REMOVE} AND slug = ?", [tx.now, env, True, slug])
    tx.db.run(
        f"{REMOVE} AND function IN (SELECT slug FROM signalbox_function WHERE env = ? AND removed_at IS NOT NULL)",
        [tx.now, env, True, env],
    )


REMOVE = (
    "UPDATE signalbox_schedule SET removed_at = ?, next_tick_at = NULL, due_at = NULL"
    " WHERE env = ? AND declared = ? AND removed_at IS NULL"
)


def by_slug(function: str, schedules: Iterable[Declared]) -> list[tuple[str, Declared]]:
    """The schedules of a function by their names: its own, then "its-own:2", unless they have a key."""
    named = []
    for place, declared in enumerate(schedules, 1):
        default = function if place == 1 else f"{function}:{place}"
        named.append((declared.key or default, declared))
    return named


def _stored(tx: Tx, env: int) -> dict[str, tuple[str, Any, Any]]:
    rows = tx.db.query(
        "SELECT slug, function, CAST(timing AS text), CAST(payload AS text) FROM signalbox_schedule"
        " WHERE env = ? AND declared = ? AND removed_at IS NULL",
        [env, True],
    )
    return {
        slug: (function, orjson.loads(timing), payload and orjson.loads(payload))
        for slug, function, timing, payload in rows
    }
