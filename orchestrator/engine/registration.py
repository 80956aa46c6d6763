"""Telling everybody which functions there are: rows that routers, doors and the console read."""

from collections.abc import Iterable

import orjson

from orchestrator.engine.declared import declare_schedules
from orchestrator.engine.expecting import declare_expectations
from orchestrator.engine.journal.tx import Tx
from orchestrator.sdk.registry import Definition


def register(tx: Tx, definitions: Iterable[Definition], version: str = "", env: int = 1) -> None:
    """Inserts or updates the rows of these functions; those no longer declared by their module are marked removed."""
    json = "json" if tx.db.vendor == "postgresql" else "text"
    known = list(definitions)
    for d in known:
        triggers = orjson.dumps([trigger.to_json() for trigger in d.triggers]).decode()
        config = orjson.dumps(d.config).decode()
        tx.db.run(
            "INSERT INTO signalbox_function"
            " (env, slug, name, kind, triggers, config, version, registered_at, removed_at)"
            f" VALUES (?, ?, ?, ?, CAST(? AS {json}), CAST(? AS {json}), ?, ?, NULL)"
            " ON CONFLICT (env, slug) DO UPDATE SET name = excluded.name, kind = excluded.kind,"
            " triggers = excluded.triggers, config = excluded.config, version = excluded.version,"
            " registered_at = excluded.registered_at,"
            " removed_at = NULL",
            [env, d.id, d.name, d.kind, triggers, config, version, tx.now],
        )
    modules = {d.body.__module__ for d in known}
    slugs = {d.id for d in known}
    rows = tx.db.query("SELECT slug, CAST(config AS text) FROM signalbox_function WHERE removed_at IS NULL")
    for slug, config in rows:
        if slug not in slugs and orjson.loads(config).get("module") in modules:
            tx.db.run("UPDATE signalbox_function SET removed_at = ? WHERE slug = ? AND env = ?", [tx.now, slug, env])
    declare_schedules(tx, known, env)
    declare_expectations(tx, known, env)
