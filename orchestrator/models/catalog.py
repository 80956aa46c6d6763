"""What is registered: functions with their triggers and configuration, and the workers that run them."""

from django.db import models

from orchestrator.models.fields import JsonField, MomentField, UlidField


class Function(models.Model):
    """A registered function. Rows stay when the code goes, so that its runs keep a home."""

    env = models.IntegerField(default=1)
    slug = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=16)
    # [{"event": ..., "if": ...} | {"cron": ..., "tz": ...}] as core.routing.Trigger writes them
    triggers = JsonField(default=list)
    # retries, queue, doc, module, source: what the console shows
    config = JsonField(default=dict)
    version = models.CharField(max_length=64, default="")
    registered_at = MomentField()
    removed_at = MomentField(null=True)

    class Meta:
        db_table = "signalbox_function"
        constraints = [models.UniqueConstraint(fields=["env", "slug"], name="signalbox_function_slug")]

    def __str__(self) -> str:
        return self.slug


class Worker(models.Model):
    """A session of a process that owns runs. Its life is ``expires_at``; no row, no life."""

    id = UlidField(primary_key=True)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    boot = models.CharField(max_length=64, default="")
    started_at = MomentField()
    version = models.CharField(max_length=64, default="")
    queues = JsonField(default=list)
    concurrency = models.IntegerField(null=True)  # runs that it executes at once; a version before did not say
    expires_at = MomentField()
    # Number of the last batch this session committed: tells the outcome of a commit whose answer was lost.
    batch = models.BigIntegerField(default=0)

    class Meta:
        db_table = "signalbox_worker"

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
