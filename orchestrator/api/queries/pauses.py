"""Pauses as answers: what is paused, how much waits, and why a run does."""

from collections.abc import Iterable, Mapping

from orchestrator.api.cursors import read_cursor
from orchestrator.api.pause_values import Pause
from orchestrator.api.queries.rows import page, rows, take
from orchestrator.api.values import Page
from orchestrator.core.pausing import GATE, PauseKind, reason
from orchestrator.models import Pause as PauseRow
from orchestrator.models import Run

MOST_COUNTED = 1000
LONGEST_KEY = 300


def list_pauses(env: int, *, cursor: str | None = None, limit: int = 50) -> Page[Pause]:
    """What is paused, by kind and name. A query, and one more for each. Raises InvalidCursor."""
    found = rows(PauseRow).filter(env=env, resumed_at=None).order_by("key")
    if (after := read_cursor("pauses", cursor, _key_position)) is not None:
        found = found.filter(key__gt=after)
    shown, more = take(found, limit)
    last = shown[-1].key if shown else ""
    return page("pauses", [_pause(row) for row in shown], more, lambda _: last)


def pause_reasons(runs: Iterable[Run]) -> Mapping[str, str]:
    """Why runs are held back by a pause, by run. At most one query."""
    held = {run.id: run.gate for run in runs if run.gate is not None and run.gate.startswith(GATE)}
    if not held:
        return {}
    found = {row.key: row for row in rows(PauseRow).filter(key__in=set(held.values()), resumed_at=None)}
    return {
        run: reason(PauseKind(found[key].kind), found[key].actor, found[key].note)
        for run, key in held.items()
        if key in found
    }


def _pause(row: PauseRow) -> Pause:
    waiting = rows(Run).filter(gate=row.key)[:MOST_COUNTED].count()
    return Pause(PauseKind(row.kind), row.name, row.note, row.actor, row.at, waiting)


def _key_position(text: str) -> str:
    if not 0 < len(text) <= LONGEST_KEY or "\0" in text:
        raise ValueError
    return text
