"""Limits on how much runs at once and how often: how they stand, who holds places, and what operators changed."""

from django.db import models
from django.db.models import Q

from orchestrator.models.fields import MomentField, UlidField


class Limit(models.Model):
    """A limit for one value of its key, as of its last admission. ``key`` is ``<env>:<target>|<value as JSON>``."""

    key = models.CharField(primary_key=True, max_length=400)
    env = models.IntegerField()
    target = models.CharField(max_length=250)
    # Places of a concurrency limit, None for a throttle.
    size = models.IntegerField(null=True)
    # Of a throttle: microseconds between starts, how many at once, and when the next is due at an even pace.
    spacing = models.BigIntegerField(null=True)
    burst = models.IntegerField(null=True)
    tat = models.BigIntegerField(null=True)
    # When a throttle lets the next one in, while somebody waits.
    wake_at = MomentField(null=True)
    # Runs wait at it, since then.
    held_at = MomentField(null=True)
    # What a gate remembers, as JSON, and until when: starts of a rate limit, the open run of a debounce or batch.
    state = models.TextField(null=True)
    expires_at = MomentField(null=True)

    class Meta:
        db_table = "signalbox_limit"
        indexes = [
            # The sweep: limits at which somebody waits.
            models.Index(fields=["held_at"], name="signalbox_limit_held", condition=Q(held_at__isnull=False)),
            # Tidying: what gates need not remember any longer.
            models.Index(fields=["expires_at"], name="signalbox_limit_old", condition=Q(expires_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.key


class Slot(models.Model):
    """A place that a run holds. It counts while the run has that fence and an owner; with fence 0 until it ends."""

    pk = models.CompositePrimaryKey("run", "key")
    run = UlidField()
    key = models.CharField(max_length=400)
    fence = models.IntegerField()
    at = MomentField()

    class Meta:
        db_table = "signalbox_slot"
        indexes = [models.Index(fields=["key"], name="signalbox_slot_key")]

    def __str__(self) -> str:
        return f"{self.key} {self.run}"


class LimitOverride(models.Model):
    """What an operator set instead of the code, for all values of a limit's key. Acts at the next admission."""

    id = UlidField(primary_key=True)
    env = models.IntegerField()
    target = models.CharField(max_length=250)
    limit = models.IntegerField()
    # Seconds; of a throttle or rate limit only, None leaves the code's.
    period = models.FloatField(null=True)
    reason = models.CharField(max_length=500, default="", blank=True)
    actor = models.CharField(max_length=150, default="", blank=True)
    created_at = MomentField()
    expires_at = MomentField(null=True, blank=True)

    class Meta:
        db_table = "signalbox_limit_override"
        constraints = [models.UniqueConstraint(fields=["env", "target"], name="signalbox_limit_override_target")]

    def __str__(self) -> str:
        return f"{self.target} = {self.limit}"
