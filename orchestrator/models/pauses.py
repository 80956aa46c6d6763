"""Pauses: of a function, a queue, an environment."""

from django.db import models

from orchestrator.core.pausing import PauseKind
from orchestrator.models.fields import MomentField


class Pause(models.Model):
    """What is held back by whom and why. ``key`` is the gate of the runs that wait for its end."""

    key = models.CharField(primary_key=True, max_length=300)
    env = models.IntegerField()
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in PauseKind])
    name = models.CharField(max_length=200)
    note = models.CharField(max_length=500, default="", blank=True)
    actor = models.CharField(max_length=150, default="", blank=True)
    at = MomentField()
    # Resumed: the row stays until all that waited is let go.
    resumed_at = MomentField(null=True)

    class Meta:
        db_table = "signalbox_pause"

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
