"""Columns that are compact in the database and plain in Python."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from orchestrator.core import ids

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970, exact."""
    return (moment - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


class UlidField(models.Field):
    """A ULID: 26 characters in Python, 16 bytes in the database."""

    description = "ULID"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "uuid" if connection.vendor == "postgresql" else "blob"

    def get_internal_type(self) -> str:
        return "UlidField"

    def from_db_value(self, value: Any, expression: object, connection: BaseDatabaseWrapper) -> str | None:
        if value is None:
            return None
        return ids.from_bytes(value.bytes if isinstance(value, uuid.UUID) else bytes(value))

    def to_python(self, value: Any) -> str | None:
        return None if value is None else str(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if value is None or isinstance(value, bytes | uuid.UUID):
            return value
        raw = ids.to_bytes(value)
        return uuid.UUID(bytes=raw) if connection.vendor == "postgresql" else raw


class MomentField(models.Field):
    """An aware UTC moment, whatever USE_TZ says: timestamptz on PostgreSQL, integer microseconds on SQLite."""

    description = "moment"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "timestamp with time zone" if connection.vendor == "postgresql" else "integer"

    def get_internal_type(self) -> str:
        return "MomentField"

    def from_db_value(self, value: Any, expression: object, connection: BaseDatabaseWrapper) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=connection.timezone)).astimezone(UTC)
        return from_micros(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if value is None or isinstance(value, int):
            return value
        return value if connection.vendor == "postgresql" else to_micros(value)


class JsonField(models.Field):
    """Any JSON value, kept as the text it was: PostgreSQL ``json`` (not jsonb, which refuses NUL), SQLite text."""

    description = "JSON"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "json" if connection.vendor == "postgresql" else "text"

    def get_internal_type(self) -> str:
        return "OrchestratorJsonField"

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        # As text: the driver would turn json into objects, and a JSON string could not be told from JSON text.
        return (f"{sql}::text" if compiler.connection.vendor == "postgresql" else sql), params

    def from_db_value(self, value: Any, expression: object, connection: BaseDatabaseWrapper) -> Any:
        return None if value is None else orjson.loads(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return None if value is None else orjson.dumps(value).decode()
