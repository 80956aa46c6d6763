from django.db import migrations, models


class Migration(migrations.Migration):
    """Empty for sessions that the version before has registered: it names the columns that it writes."""

    dependencies = [
        ("orchestrator", "0010_expectations"),
    ]

    operations = [
        migrations.AddField(
            model_name="worker",
            name="concurrency",
            field=models.IntegerField(null=True),
        ),
    ]
