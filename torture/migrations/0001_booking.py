from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Booking",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("run", models.CharField(max_length=26)),
                ("step", models.CharField(max_length=100)),
            ],
        ),
    ]
