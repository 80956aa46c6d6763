"""Columns of rows as PostgreSQL array literals: the driver's own lists cost a microsecond an element, these a tenth."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from orchestrator.core import ids
from orchestrator.engine.sql.tables import ColumnType


def _id(value: str | None) -> str:
    return "NULL" if value is None else ids.to_bytes(value).hex()


def _moment(value: datetime | None) -> str:
    return "NULL" if value is None else value.isoformat()


def _text(value: str | None) -> str:
    if value is None:
        return "NULL"
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if '"' in value:
        value = value.replace('"', '\\"')
    return f'"{value}"'


def _number(value: int | None) -> str:
    return "NULL" if value is None else str(int(value))


# The same ids, moments and statuses come again and again within a few batches.
hex_id = lru_cache(maxsize=8192)(_id)
ELEMENTS: dict[ColumnType, Callable[[Any], str]] = {
    ColumnType.ID: hex_id,
    ColumnType.MOMENT: lru_cache(maxsize=1024)(_moment),
    ColumnType.CHOICE: lru_cache(maxsize=256)(_text),
    ColumnType.TEXT: _text,
    ColumnType.JSON: _text,
    ColumnType.INTEGER: _number,
    ColumnType.BOOLEAN: lru_cache(maxsize=4)(_number),
}
CASTS = {
    ColumnType.ID: "uuid",
    ColumnType.MOMENT: "timestamptz",
    ColumnType.JSON: "text",  # cast to json in the select: arrays of json are not comparable in a plan
    ColumnType.INTEGER: "bigint",
    ColumnType.BOOLEAN: "bool",
    ColumnType.TEXT: "text",
    ColumnType.CHOICE: "text",
}


def literal(values: Iterable[Any], kind: ColumnType) -> str:
    """``{...}`` of one column."""
    return f"{{{','.join(map(ELEMENTS[kind], values))}}}"


def ids_literal(values: Iterable[str]) -> str:
    """``{...}`` of ids that are not remembered: a walk through old runs by thousands would push out the live ones."""
    return f"{{{','.join(map(_id, values))}}}"


def literals(rows: Sequence[tuple[Any, ...]], kinds: Sequence[ColumnType]) -> list[str]:
    """``{...}`` of each column."""
    return [literal(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]


def unnest(kinds: Sequence[ColumnType]) -> str:
    """The call that makes rows of such literals again."""
    return f"unnest({', '.join(f'%s::{CASTS[kind]}[]' for kind in kinds)})"
