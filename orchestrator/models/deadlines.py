"""What may end a run from outside: events that cancel it, moments by which it has to start or to end."""

from django.db import models

from orchestrator.core.deadlines import DeadlineKind
from orchestrator.models.fields import MomentField, UlidField


class CancelOn(models.Model):
    """An event that cancels a run. Made with the run, deleted at its end."""

    pk = models.CompositePrimaryKey("run", "n")
    run = UlidField()
    n = models.IntegerField()
    env = models.IntegerField()
    name = models.CharField(max_length=512)
    eq = models.CharField(max_length=512, default="")
    expr = models.TextField(null=True)
    expires_at = MomentField(null=True)
    # When the run was queued: older events do not cancel it.
    created_at = MomentField()

    class Meta:
        db_table = "signalbox_cancel_on"
        # An arriving event finds the runs that it cancels.
        indexes = [models.Index(fields=["env", "name", "eq"], name="signalbox_cancel_on_match")]

    def __str__(self) -> str:
        return f"{self.name} cancels {self.run}"


class Deadline(models.Model):
    """A moment by which a run has to start or to end; deleted when it has passed, or at the run's end."""

    pk = models.CompositePrimaryKey("run", "kind")
    run = UlidField()
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.value) for kind in DeadlineKind])
    at = MomentField()
    # What the function allows, for the error's text.
    allowed_ms = models.BigIntegerField()

    class Meta:
        db_table = "signalbox_deadline"
        # The sweep: those that have passed.
        indexes = [models.Index(fields=["at"], name="signalbox_deadline_at")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.run} by {self.at}"
