"""Versions: of Python, Django and the database's own program."""

import platform
import sqlite3
import sys
from collections.abc import Iterator, Sequence

import django
from django.db.backends.base.base import BaseDatabaseWrapper

from orchestrator.doctor.findings import Finding, fail, ok

PYTHON = (3, 11)
DJANGO = (5, 2)
SQLITE = (3, 35, 0)  # UPDATE … FROM, RETURNING
# Two connections that checkpoint and write at the same instant could corrupt a database before.
SQLITE_SOUND = (3, 51, 3)
POSTGRESQL = 14


def examine_versions(wrapper: BaseDatabaseWrapper | None) -> Iterator[Finding]:
    """``wrapper`` is None when the database does not answer."""
    yield examine_version("Python", sys.version_info[:3], PYTHON, f" ({platform.machine()}, {platform.system()})")
    yield examine_version("Django", django.VERSION[:3], DJANGO)
    if wrapper is None:
        return
    if wrapper.vendor == "sqlite":
        yield examine_sqlite(sqlite3.sqlite_version_info)
    elif wrapper.vendor == "postgresql":
        number = int(wrapper.pg_version)  # type: ignore[attr-defined]
        yield examine_version("PostgreSQL", (number // 10_000, number % 10_000), (POSTGRESQL,))


def examine_version(program: str, version: Sequence[int], least: Sequence[int], more: str = "") -> Finding:
    """Whether a program is new enough."""
    if tuple(version) < tuple(least):
        return fail(program, f"{_dotted(version)} is too old", f"Signalbox needs {program} {_dotted(least)} or newer.")
    return ok(program, f"{_dotted(version)}{more}")


def examine_sqlite(version: Sequence[int]) -> Finding:
    """SQLite is a part of Python: it comes with it."""
    sound = tuple(version) >= SQLITE_SOUND
    more = "" if sound else f"; before {_dotted(SQLITE_SOUND)} only one process may checkpoint: here it is the engine's"
    return examine_version("SQLite", version, SQLITE, more)


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))
