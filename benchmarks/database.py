"""The database that was measured, asked by the engine's own kind of connection."""

import sqlite3
from importlib.metadata import version

from django.conf import settings

from orchestrator.conf import settings as engine_settings
from orchestrator.engine.sql import open_connection

PACKAGES = ("Django", "psycopg", "orjson")
SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}


def database_facts() -> dict[str, dict[str, str]]:
    """Version and durability as the engine's own connection has them, and the versions of what we stand on."""
    db = open_connection(engine_settings().database)
    try:
        if db.vendor == "sqlite":
            facts = {"version": f"SQLite {sqlite3.sqlite_version}"}
            facts |= {name: str(db.query(f"PRAGMA {name}")[0][0]) for name in ("journal_mode", "synchronous")}
            facts["synchronous"] = SYNCHRONOUS[int(facts["synchronous"])]
            facts["path"] = str(settings.DATABASES["default"]["NAME"])
        else:
            facts = {"version": f"PostgreSQL {db.query('SHOW server_version')[0][0]}"}
            facts |= {name: str(db.query(f"SHOW {name}")[0][0]) for name in ("fsync", "synchronous_commit")}
    finally:
        db.close()
    return {"database": facts, "packages": {name: version(name) for name in PACKAGES}}
