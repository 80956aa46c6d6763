"""What a run uses and how far it is: for people who watch it. No decision of the engine depends on it."""

from django.db import models

from orchestrator.models.fields import MomentField, UlidField


class Sample(models.Model):
    """What the processes of an isolated run used in one second; at most 600 a run."""

    pk = models.CompositePrimaryKey("run", "second")
    run = UlidField()
    # Whole seconds since the run began.
    second = models.IntegerField()
    # 100 is one core.
    cpu_percent = models.FloatField()
    memory_bytes = models.BigIntegerField()

    class Meta:
        db_table = "signalbox_sample"

    def __str__(self) -> str:
        return f"{self.second} s: {self.cpu_percent} %, {self.memory_bytes} bytes"


class Progress(models.Model):
    """How far a run is, as its author said last."""

    run = UlidField(primary_key=True)
    # From 0 to 1.
    fraction = models.FloatField()
    message = models.CharField(max_length=200, default="")
    at = MomentField()

    class Meta:
        db_table = "signalbox_progress"

    def __str__(self) -> str:
        return f"{self.fraction:.0%} {self.message}"
