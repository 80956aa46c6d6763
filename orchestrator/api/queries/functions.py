"""Functions as answers."""

from collections.abc import Mapping
from typing import Any

from orchestrator.api.cursors import read_cursor, slug_position
from orchestrator.api.queries.rows import page, rows, take
from orchestrator.api.values import Function, Page
from orchestrator.core.errors import UnknownFunction
from orchestrator.models import Function as FunctionRow


def list_functions(env: int, *, cursor: str | None = None, limit: int = 50) -> Page[Function]:
    """Functions by id, those whose code is gone left out. One query. Raises InvalidCursor."""
    found = rows(FunctionRow).filter(env=env, removed_at=None).order_by("slug")
    if (after := read_cursor("functions", cursor, slug_position)) is not None:
        found = found.filter(slug__gt=after)
    shown, more = take(found, limit)
    return page("functions", [_function(row) for row in shown], more, lambda function: function.id)


def get_function(env: int, slug: str) -> Function:
    """One function, also one whose code is gone. One query. Raises UnknownFunction."""
    row = rows(FunctionRow).filter(env=env, slug=slug).first()
    if row is None:
        raise UnknownFunction(f"no function has the id {slug!r}")
    return _function(row)


def _function(row: FunctionRow) -> Function:
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
    )


def _trigger(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {"if" if key == "expression" else key: value for key, value in stored.items()}
