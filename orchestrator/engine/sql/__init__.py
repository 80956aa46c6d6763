"""Statements by name, in the two dialects."""

from typing import Any

from django.db import connections

from orchestrator.conf import settings
from orchestrator.core.errors import MisplacedCall
from orchestrator.engine.sql.base import FACT_COLUMNS, RESERVED, Connection, FenceClaim, Id
from orchestrator.engine.sql.postgres import PostgresConnection
from orchestrator.engine.sql.sqlite import SqliteConnection

__all__ = [
    "FACT_COLUMNS",
    "RESERVED",
    "Connection",
    "FenceClaim",
    "Id",
    "borrow_connection",
    "connection_params",
    "open_connection",
    "refuse_to_wait_in_transaction",
]

# What Django adds to the driver's parameters for itself.
DJANGO_ONLY = {
    "cursor_factory",
    "context",
    "prepare_threshold",
    "server_side_binding",
    "assume_role",
    "pool",
    "isolation_level",
}


def open_connection(alias: str, *, checkpoints: bool = True) -> Connection:
    """A connection of the engine's own to the database of that alias. Raises the driver's error when it is down.

    ``checkpoints``: on SQLite the engine's writer alone does so, never a process that only sends.
    """
    wrapper = connections[alias]
    if wrapper.vendor == "sqlite":
        return SqliteConnection(str(wrapper.settings_dict["NAME"]), checkpoints=checkpoints)
    return PostgresConnection(connection_params(alias) or {}, lent=settings().transaction_pool)


def connection_params(alias: str) -> dict[str, Any] | None:
    """What PostgreSQL's driver needs to connect; None for SQLite."""
    wrapper = connections[alias]
    if wrapper.vendor == "sqlite":
        return None
    return {key: value for key, value in wrapper.get_connection_params().items() if key not in DJANGO_ONLY}


def refuse_to_wait_in_transaction(alias: str) -> None:
    """Raises MisplacedCall where this thread's transaction holds SQLite's write lock: the journal would wait for it."""
    wrapper = connections[alias]
    if wrapper.vendor == "sqlite" and wrapper.in_atomic_block:
        raise MisplacedCall(
            "this was called inside transaction.atomic(), which holds SQLite's only write lock: call it after the"
            " transaction, by transaction.on_commit(), or use send()"
        )


def borrow_connection(alias: str) -> Connection:
    """The engine's statements on Django's own connection of this thread, inside its transaction."""
    wrapper = connections[alias]
    wrapper.ensure_connection()
    raw: Any = wrapper.connection
    if wrapper.vendor == "sqlite":
        return SqliteConnection(str(wrapper.settings_dict["NAME"]), raw=raw)
    return PostgresConnection({}, raw=raw)
