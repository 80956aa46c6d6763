"""Functions that are expected to complete again and again."""

from django.db import models

from orchestrator.models.fields import MomentField


class Expectation(models.Model):
    """Of a function with ``expected_within``: apart from its row, which nobody writes while runs end."""

    pk = models.CompositePrimaryKey("env", "function")
    env = models.IntegerField()
    function = models.CharField(max_length=200)
    queue = models.CharField(max_length=64)
    within_seconds = models.FloatField()
    # Overdue is counted from here, or from the last success: declared, changed, resumed.
    watched_from = MomentField()
    # To the second.
    last_success_at = MomentField(null=True)

    class Meta:
        db_table = "signalbox_expectation"

    def __str__(self) -> str:
        return f"{self.function} within {self.within_seconds:g} s"
