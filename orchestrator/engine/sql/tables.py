"""The shape of each table as the models declare it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import models as django_models

from orchestrator import models
from orchestrator.engine import rows
from orchestrator.models.fields import JsonField, MomentField, UlidField


class ColumnType(StrEnum):
    ID = "id"
    MOMENT = "moment"
    JSON = "json"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"
    CHOICE = "choice"  # text, given as a member of an enum


SPECIAL = frozenset({ColumnType.ID, ColumnType.MOMENT, ColumnType.BOOLEAN, ColumnType.CHOICE})


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[str, ...]
    types: tuple[ColumnType, ...]
    special: tuple[tuple[int, ColumnType], ...]  # places of the columns that are not given as the driver takes them

    def column_list(self, places: Iterable[int]) -> str:
        return ", ".join(f'"{self.columns[n]}"' for n in places)


def given(columns: Sequence[Sequence[Any]]) -> tuple[int, ...]:
    """Places of the columns of which some row says something: the others need not be written."""
    return tuple([n for n, column in enumerate(columns) if column[0] is not None or column.count(None) < len(column)])


def _type(field: object) -> ColumnType:
    match field:
        case UlidField():
            return ColumnType.ID
        case MomentField():
            return ColumnType.MOMENT
        case JsonField():
            return ColumnType.JSON
        case django_models.BooleanField():
            return ColumnType.BOOLEAN
        case django_models.IntegerField():
            return ColumnType.INTEGER
        case django_models.CharField() if field.choices and not field.null:
            return ColumnType.CHOICE
        case _:
            return ColumnType.TEXT


def _table(model: type[django_models.Model], row: Any) -> Table:
    types = tuple(_type(model._meta.get_field(name)) for name in row._fields)
    special = tuple((n, kind) for n, kind in enumerate(types) if kind in SPECIAL)
    return Table(model._meta.db_table, row._fields, types, special)


TABLES: dict[type, Table] = {
    rows.EventRow: _table(models.Event, rows.EventRow),
    rows.KeyRow: _table(models.Idempotency, rows.KeyRow),
    rows.RunRow: _table(models.Run, rows.RunRow),
    rows.RunDataRow: _table(models.RunData, rows.RunDataRow),
    rows.RunEventRow: _table(models.RunEvent, rows.RunEventRow),
    rows.AttemptRow: _table(models.Attempt, rows.AttemptRow),
    rows.JournalRow: _table(models.Journal, rows.JournalRow),
    rows.LogRow: _table(models.Log, rows.LogRow),
    rows.WaitRow: _table(models.Wait, rows.WaitRow),
    rows.CancelOnRow: _table(models.CancelOn, rows.CancelOnRow),
    rows.DeadlineRow: _table(models.Deadline, rows.DeadlineRow),
    rows.InboxRow: _table(models.Inbox, rows.InboxRow),
    rows.MailRow: _table(models.Mail, rows.MailRow),
    rows.SlotRow: _table(models.Slot, rows.SlotRow),
    rows.BlobRow: _table(models.Blob, rows.BlobRow),
}
