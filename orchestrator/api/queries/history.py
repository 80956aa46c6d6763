"""A run's history and logs as answers."""

from orchestrator.api.cursors import number_position, read_cursor
from orchestrator.api.queries.rows import page, rows, take
from orchestrator.api.values import Entry, LogLine, Page
from orchestrator.models import Journal, Log


def list_history(run_id: str, *, cursor: str | None = None, limit: int = 50) -> Page[Entry]:
    """What happened in a run, oldest first. One query. Raises InvalidCursor."""
    found = rows(Journal).filter(run=run_id).order_by("seq")
    if (after := read_cursor("history", cursor, number_position)) is not None:
        found = found.filter(seq__gt=after)
    shown, more = take(found, limit)
    entries = [Entry(row.seq, row.kind, row.key, row.number, row.at, row.actor, row.data) for row in shown]
    return page("history", entries, more, lambda entry: entry.seq)


def list_logs(run_id: str, *, step_id: str | None = None, cursor: str | None = None, limit: int = 50) -> Page[LogLine]:
    """What was logged and printed in a run or in one step of it, oldest first. One query. Raises InvalidCursor."""
    found = rows(Log).filter(run=run_id).order_by("id")
    if step_id is not None:
        found = found.filter(key=step_id)
    if (after := read_cursor("logs", cursor, number_position)) is not None:
        found = found.filter(id__gt=after)
    shown, more = take(found, limit)
    lines = [LogLine(row.id, row.key, row.number, row.at, row.level, row.logger, row.message) for row in shown]
    return page("logs", lines, more, lambda line: line.id)
