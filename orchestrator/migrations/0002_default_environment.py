"""The environment ``default``, and room on the pages of the run table for HOT updates."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def make_default(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("orchestrator", "Environment").objects.get_or_create(id=1, defaults={"name": "default"})


def tune_postgresql(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE signalbox_run SET (fillfactor = 70)")
        schema_editor.execute(
            "SELECT setval(pg_get_serial_sequence('signalbox_environment', 'id'), (SELECT max(id) FROM signalbox_environment))"
        )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orchestrator", "0001_initial")]

    operations = [
        migrations.RunPython(make_default, migrations.RunPython.noop),
        migrations.RunPython(tune_postgresql, migrations.RunPython.noop),
    ]
