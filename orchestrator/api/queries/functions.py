"""Functions as answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.api.cursors import read_cursor, slug_position
from orchestrator.api.queries.rows import page, rows, take
from orchestrator.api.values import Function, Page
from orchestrator.core.errors import UnknownFunction
from orchestrator.models import Function as FunctionRow
from orchestrator.overdue import Expected, expected_functions


def list_functions(env: int, now: datetime, *, cursor: str | None = None, limit: int = 50) -> Page[Function]:
    """Functions by id, those whose code is gone left out. At most three queries. Raises InvalidCursor."""
    found = rows(FunctionRow).filter(env=env, removed_at=None).order_by("slug")
    if (after := read_cursor("functions", cursor, slug_position)) is not None:
        found = found.filter(slug__gt=after)
    shown, more = take(found, limit)
    expected = expected_functions(env, now)
    return page(
        "functions", [_function(row, expected.get(row.slug)) for row in shown], more, lambda function: function.id
    )


def get_function(env: int, slug: str, now: datetime) -> Function:
    """One function, also one whose code is gone. At most three queries. Raises UnknownFunction."""
    row = rows(FunctionRow).filter(env=env, slug=slug).first()
    if row is None:
        raise UnknownFunction(f"no function has the id {slug!r}")
    return _function(row, expected_functions(env, now).get(slug))


def _function(row: FunctionRow, expected: Expected | None) -> Function:
    config = row.config or {}
    return Function(
        id=row.slug,
        name=row.name,
        kind=row.kind,
        triggers=[_trigger(trigger) for trigger in row.triggers],
        retries=config.get("retries"),
        queue=config.get("queue") or "default",
        doc=config.get("doc") or "",
        payload_schema=config.get("payload_schema"),
        version=row.version,
        registered_at=row.registered_at,
        removed_at=row.removed_at,
        expected_within=expected.within.total_seconds() if expected else None,
        overdue_since=expected.overdue_since if expected else None,
        last_success_at=expected.last_success_at if expected else None,
    )


def _trigger(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {"if" if key == "expression" else key: value for key, value in stored.items()}
