"""What may end a run from outside, as rows beside it: events that cancel it, and deadlines."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from orchestrator.core.deadlines import DeadlineKind
from orchestrator.core.flow import Flow
from orchestrator.core.matching import plan_match
from orchestrator.engine.rows import CancelOnRow, DeadlineRow, RunRow


def cancels_of(flow: Flow, run: str, env: int, event: Mapping[str, Any], now: datetime) -> list[CancelOnRow]:
    """The events that cancel a new run, each with the values of its own event. Raises InvalidExpression."""
    rows = []
    for n, rule in enumerate(flow.cancel_on):
        match = plan_match(rule.match or rule.if_, event)
        expires_at = None if rule.timeout is None else now + timedelta(seconds=rule.timeout)
        rows.append(CancelOnRow(run, n, env, rule.event, match.eq, match.expr, expires_at, now))
    return rows


def deadlines_of(flow: Flow, run: RunRow) -> list[DeadlineRow]:
    """Of a new run: by when it has to end, if it begins at once, else by when it has to start."""
    if flow.timeouts is None:
        return []
    start, finish = flow.timeouts.start, flow.timeouts.finish
    if run.started_at is not None:
        return [] if finish is None else [finish_by(run.id, finish, run.started_at)]
    return [] if start is None else [_deadline(run.id, DeadlineKind.START, start, run.due_at or run.queued_at)]


def finish_by(run: str, seconds: float, started_at: datetime) -> DeadlineRow:
    """By when a run has to end that starts at that moment."""
    return _deadline(run, DeadlineKind.FINISH, seconds, started_at)


def _deadline(run: str, kind: DeadlineKind, seconds: float, since: datetime) -> DeadlineRow:
    return DeadlineRow(run, kind, since + timedelta(seconds=seconds), round(seconds * 1000))
