"""What a walk would delete, counted without deleting anything. Only reads."""

from datetime import datetime
from typing import Any

from orchestrator.engine.retention import Deleted, Plan
from orchestrator.engine.retention_walk import FIRST, OVER, WINDOW, old_roots
from orchestrator.engine.sql import Connection, Id

BELOW = """
WITH RECURSIVE below(id) AS (
    SELECT id FROM signalbox_run WHERE {condition}
    UNION ALL SELECT c.id FROM signalbox_run c JOIN below ON c.parent = below.id)
SELECT count(*) FROM below
"""


def count(db: Connection, plan: Plan) -> Deleted:
    """Runs with all below them; events that would have no run any more; lines of the runs that stay."""
    runs = 0
    for rule in plan.runs:
        for window in old_roots(db, rule.env, rule.function, rule.before):
            if window:
                condition, params = db.any_of("id", [Id(due.run) for due in window])
                runs += int(db.query(BELOW.format(condition=condition), params)[0][0])
    events = sum(_events(db, plan, env, before) for env, before in plan.events.items())
    return Deleted(runs, events, sum(_lines(db, plan, env, before) for env, before in plan.lines.items()))


def _events(db: Connection, plan: Plan, env: int, before: datetime) -> int:
    goes, params = _goes(plan, env)
    kept = (
        "SELECT 1 FROM signalbox_run_event e JOIN signalbox_run r ON r.id = e.run"
        f" WHERE e.event = v.id AND ({goes}) IS NOT TRUE"
    )
    sql = (
        f"SELECT v.id, CASE WHEN v.received_at < ? AND v.routed_at IS NOT NULL AND NOT EXISTS ({kept}) THEN 1 ELSE 0"
        f" END FROM signalbox_event v WHERE v.env = ? AND v.id > ? ORDER BY v.id LIMIT {WINDOW}"
    )
    total, cursor = 0, FIRST
    while rows := db.query(sql, [before, *params, env, Id(cursor)]):
        total += sum(due for _, due in rows)
        cursor = db.id(rows[-1][0])
    return total


def _lines(db: Connection, plan: Plan, env: int, before: datetime) -> int:
    goes, params = _goes(plan, env)
    sql = (
        "SELECT count(*) FROM signalbox_log l JOIN signalbox_run x ON x.id = l.run"
        " JOIN signalbox_run r ON r.id = x.root"
        f" WHERE x.env = ? AND l.at < ? AND ({goes}) IS NOT TRUE"
    )
    return int(db.query(sql, [env, before, *params])[0][0])


def _goes(plan: Plan, env: int) -> tuple[str, list[Any]]:
    """A condition on the run ``r``, and its parameters."""
    rules = [rule for rule in plan.runs if rule.env == env]
    if not rules:
        return "r.id IS NULL", []
    cases = " ".join(["WHEN ? THEN ?"] * len(rules))
    params = [value for rule in rules for value in (rule.function, rule.before)]
    return f"{OVER} AND r.parent IS NULL AND r.ended_at < CASE r.function {cases} END", params
