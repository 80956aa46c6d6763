"""A database in memory with our tables, made once per process and copied for each Harness."""

import sqlite3
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.utils import ConnectionHandler

from orchestrator.engine.sql.sqlite import SqliteConnection


class PrivateWrapper(DatabaseWrapper):
    """Connects whatever a test runner forbids: it is not the project's database."""

    def ensure_connection(self) -> None:
        if self.connection is None:
            self.connect()


@lru_cache(maxsize=1)
def _template() -> sqlite3.Connection:
    settings: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    handler = ConnectionHandler({"default": settings})
    wrapper = PrivateWrapper(handler.settings["default"], "signalbox-template")
    with wrapper.SchemaEditorClass(wrapper, atomic=False) as editor:
        for model in apps.get_app_config("orchestrator").get_models():
            editor.create_model(model)
    connection: sqlite3.Connection = wrapper.connection
    return connection


def memory_connection() -> SqliteConnection:
    """An empty database of its own, with every table."""
    raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _template().backup(raw)
    return SqliteConnection(":memory:", raw=raw)
