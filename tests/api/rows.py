"""How many rows there are, asked often: whoever is refused leaves nothing behind."""

from django.apps import apps
from django.db import connection


def stored() -> dict[str, int]:
    """Rows in each table of ours."""
    tables = [model._meta.db_table for model in apps.get_app_config("orchestrator").get_models()]
    counts = ", ".join(f"(SELECT count(*) FROM {connection.ops.quote_name(table)})" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}")
        return dict(zip(tables, cursor.fetchone(), strict=True))
