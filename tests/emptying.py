"""Empty tables after a test that commits; what migrations made once for all tests stays."""

from functools import cache

from django.db import connections, transaction
from django.test import TransactionTestCase

# Django's flush empties these as well and has post_migrate make them anew: that took longer than most tests.
KEPT = {"auth_permission", "django_content_type"}


def empty_tables(test: TransactionTestCase) -> None:
    """In place of ``TransactionTestCase._fixture_teardown``."""
    for alias in test._databases_names(include_mirrors=False):
        # One transaction, at whose end the foreign keys are checked. PostgreSQL's TRUNCATE, which Django takes, makes
        # every file anew; most of them are empty already.
        with transaction.atomic(alias), connections[alias].cursor() as cursor:
            for statement in _statements(alias):
                cursor.execute(statement)


@cache
def _statements(alias: str) -> list[str]:
    connection = connections[alias]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    deletions = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables if table not in KEPT]
    return ["; ".join(deletions)] if connection.vendor == "postgresql" else deletions
