"""Events, and the keys that make sending them twice harmless."""

from django.db import models
from django.db.models import Q

from orchestrator.models.fields import JsonField, MomentField, UlidField


class Event(models.Model):
    """Something that happened. ``routed_at`` is empty until its runs exist (an event sent inside a transaction)."""

    id = UlidField(primary_key=True)
    env = models.IntegerField()
    name = models.CharField(max_length=512)
    data = JsonField()
    user = JsonField(null=True)
    v = models.CharField(max_length=64, null=True)
    ts = MomentField()
    external_id = models.CharField(max_length=255, null=True)
    duplicate_of = UlidField(null=True)
    retrigger_of = UlidField(null=True)
    # "api", "app" (send() in author code), "run" (step.send_event), "console", "engine"
    source = models.CharField(max_length=16)
    source_run = UlidField(null=True)
    # [{"function": ..., "reason": ...}]: functions of this name that did not start, and why
    skipped = JsonField(null=True)
    received_at = MomentField()
    routed_at = MomentField(null=True)

    class Meta:
        db_table = "signalbox_event"
        indexes = [
            # Events list of an environment, newest first.
            models.Index(fields=["env", "id"], name="signalbox_event_list"),
            # Events list by name.
            models.Index(fields=["env", "name", "id"], name="signalbox_event_name"),
            # Event page: what repeated it, what was made of it.
            models.Index(
                fields=["duplicate_of"], name="signalbox_event_repeats", condition=Q(duplicate_of__isnull=False)
            ),
            models.Index(
                fields=["retrigger_of"], name="signalbox_event_again", condition=Q(retrigger_of__isnull=False)
            ),
            # Router: what was sent in somebody's transaction and waits for its runs.
            models.Index(fields=["id"], name="signalbox_event_unrouted", condition=Q(routed_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"


class Idempotency(models.Model):
    """A key that was used: by an event, trigger, signal or tick. Apart, so that big tables can be partitioned."""

    pk = models.CompositePrimaryKey("env", "scope", "key")
    env = models.IntegerField()
    scope = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    ref = UlidField()
    expires_at = MomentField()

    class Meta:
        db_table = "signalbox_idempotency"

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
