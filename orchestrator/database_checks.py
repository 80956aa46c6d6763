"""System checks of the database that holds our tables."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.db import connections

from orchestrator.conf import settings
from orchestrator.db.sqlite3.base import DatabaseWrapper

SQLITE_HINT = (
    'Set DATABASES["{alias}"]["ENGINE"] = "orchestrator.db.sqlite3": Django\'s own backend with WAL and a lock.'
)


@register
def check_sqlite_backend(**_: Any) -> list[CheckMessage]:
    """Other writers on SQLite must take the engine's lock and leave checkpoints to it."""
    alias = settings().database
    wrapper = connections[alias]
    if wrapper.vendor != "sqlite" or isinstance(wrapper, DatabaseWrapper):
        return []
    message = f"The database {alias!r} holds Signalbox's tables and uses another SQLite backend than Signalbox's."
    return [Error(message, hint=SQLITE_HINT.format(alias=alias), id="orchestrator.E001")]
