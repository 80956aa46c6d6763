"""The database: which one, how durable it is, what is missing in it, and whether its clock is ours."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from orchestrator.core.durations import format_duration
from orchestrator.core.ids import from_bytes, timestamp
from orchestrator.doctor.findings import Finding, fail, first_line, ok, warn

SLOW = timedelta(seconds=1)
WRONG = timedelta(seconds=5)  # leases live for 15 s
SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}
MIGRATE = "Run manage.py migrate; manage.py dev does so by itself."


def examine_connection(wrapper: BaseDatabaseWrapper) -> Finding:
    """Whether the database answers, and which it is."""
    if not exists(wrapper):
        return fail("Database", f"{describe(wrapper)} is not there yet", MIGRATE)
    try:
        _ask(wrapper, "SELECT 1")
    except DatabaseError as error:
        return fail("Database", f"{describe(wrapper)} does not answer: {first_line(error)}", _reconnecting(wrapper))
    return ok("Database", describe(wrapper))


def exists(wrapper: BaseDatabaseWrapper) -> bool:
    """Whether there is a file: connecting would make an empty one."""
    if wrapper.vendor != "sqlite" or wrapper.is_in_memory_db():  # type: ignore[attr-defined]
        return True
    return Path(str(wrapper.settings_dict["NAME"])).exists()


def describe(wrapper: BaseDatabaseWrapper) -> str:
    """The database without its password: ``SQLite /srv/signalbox.db``, ``PostgreSQL ada@db.example:5432/jobs``."""
    settings = wrapper.settings_dict
    if wrapper.vendor == "sqlite":
        return f"SQLite {settings['NAME']}"
    port = f":{settings['PORT']}" if settings.get("PORT") else ""
    user = f"{settings['USER']}@" if settings.get("USER") else ""
    return f"{wrapper.display_name} {user}{settings.get('HOST') or 'localhost'}{port}/{settings['NAME']}"


def examine_durability(wrapper: BaseDatabaseWrapper) -> Iterator[Finding]:
    """Whether what was acknowledged outlives a power cut."""
    if wrapper.vendor == "sqlite":
        yield from _examine_sqlite(wrapper)
        return
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        value = str(_ask(wrapper, f"SHOW {setting}"))
        if value == "off":
            yield warn(
                setting, "off: acknowledged work can be lost in a crash", f"Set {setting} = on in postgresql.conf."
            )
        else:
            yield ok(setting, value)


def examine_migrations(wrapper: BaseDatabaseWrapper) -> Finding:
    """Whether the tables are those of this code."""
    executor = MigrationExecutor(wrapper)
    missing = [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    unknown = sorted(
        ".".join(key)
        for key in executor.loader.applied_migrations
        if key[0] in executor.loader.migrated_apps and key not in executor.loader.disk_migrations
    )
    if missing:
        return fail("Migrations", f"{len(missing)} not applied: {_some(missing)}", MIGRATE)
    if unknown:
        hint = "The database was used by a newer version: install that one, or go back by its own migrations."
        return warn("Migrations", f"applied, but unknown to this code: {_some(unknown)}", hint)
    return ok("Migrations", "all applied")


def examine_clock(wrapper: BaseDatabaseWrapper, now: datetime) -> Finding:
    """Whether this machine's clock is the database's, and has not been put back."""
    newest = _ask(wrapper, "SELECT id FROM signalbox_run ORDER BY id DESC LIMIT 1")
    ahead = timestamp(from_bytes(getattr(newest, "bytes", newest))) - now if newest is not None else timedelta()
    if ahead > WRONG:
        hint = "Set the clock right; new runs sort before older ones until it has caught up."
        return warn(
            "Clock", f"the newest run was made {format_duration(ahead)} after now: the clock was put back", hint
        )
    if wrapper.vendor == "sqlite":
        return ok("Clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")
    theirs = _ask(wrapper, "SELECT clock_timestamp()")
    return judge_clock(datetime.now(UTC) - theirs.astimezone(UTC))


def judge_clock(difference: timedelta) -> Finding:
    """``difference``: how far this machine's clock is ahead of the database's."""
    size, word = abs(difference), "ahead of" if difference > timedelta() else "behind"
    text = f"{format_duration(size)} {word} the database's"
    hint = "Let both machines keep time by NTP (chrony, systemd-timesyncd)."
    if size > WRONG:
        return fail("Clock", f"{text}: leases and timers go wrong", hint)
    return warn("Clock", text, hint) if size > SLOW else ok("Clock", text)


def _examine_sqlite(wrapper: BaseDatabaseWrapper) -> Iterator[Finding]:
    mode = str(_ask(wrapper, "PRAGMA journal_mode"))
    hint = "Set the database's ENGINE to 'orchestrator.db.sqlite3'."
    if mode == "wal":
        yield ok("Journal mode", "WAL: readers do not wait for writers")
    else:
        yield fail("Journal mode", f"{mode}, not WAL: readers and writers wait for each other", hint)
    synchronous = int(_ask(wrapper, "PRAGMA synchronous"))
    word = SYNCHRONOUS.get(synchronous, str(synchronous))
    if synchronous >= 2:
        yield ok("Synchronous", f"{word}: a commit outlives a power cut")
    else:
        yield warn("Synchronous", f"{word}: a power cut can lose acknowledged work", hint)


def _ask(wrapper: BaseDatabaseWrapper, sql: str) -> Any:
    with wrapper.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return row[0] if row else None


def _reconnecting(wrapper: BaseDatabaseWrapper) -> str:
    if wrapper.vendor == "sqlite":
        return "Look whether its folder exists and may be written; SIGNALBOX_HOME and DATABASE_URL say where it is."
    return "Look whether the server runs and DATABASE_URL is right: host, port, name, user, password."


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
