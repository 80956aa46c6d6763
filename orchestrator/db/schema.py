"""Whether a database has the tables of this code: before the first migration, and before that of an upgrade."""

import sqlite3
from functools import cache

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

WAY_OUT = "the database is not that of this code: run manage.py migrate"
UNDEFINED = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)


def missing_migrations(wrapper: BaseDatabaseWrapper) -> set[tuple[str, str]]:
    """App and name of the newest migration of each app that waits for it."""
    return set(newest_migrations() - _applied_migrations(wrapper))


@cache
def newest_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of each app: those before it were applied with it."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def _applied_migrations(wrapper: BaseDatabaseWrapper) -> set[tuple[str, str]]:
    if not MigrationRecorder(wrapper).has_table():
        return set()
    with wrapper.cursor() as cursor:  # the recorder's own query would go over the connection of this thread
        cursor.execute("SELECT app, name FROM django_migrations")
        return set(cursor.fetchall())


def is_unmigrated(error: BaseException) -> bool:
    """Whether an error of the database, Django's or the driver's, says that a table or a column is not there."""
    cause = error.__cause__ or error
    if isinstance(cause, sqlite3.OperationalError):
        return str(cause).startswith(("no such table", "no such column"))
    return isinstance(cause, UNDEFINED)
