"""What happened (journal, logs), and what others left for a run (inbox, mail, waits)."""

from django.db import models

from orchestrator.core.ops import MessageKind, WaitKind
from orchestrator.models.fields import JsonField, MomentField, UlidField


class Journal(models.Model):
    """A fact about a run, never updated. ``seq`` is dense per run and commits in order."""

    pk = models.CompositePrimaryKey("run", "seq")
    run = UlidField()
    seq = models.IntegerField()
    kind = models.CharField(max_length=32)
    key = models.CharField(max_length=255, default="")
    number = models.IntegerField(default=0)
    at = MomentField()
    actor = models.CharField(max_length=150, default="")
    data = JsonField(null=True)

    class Meta:
        db_table = "signalbox_journal"

    def __str__(self) -> str:
        return f"{self.seq} {self.kind} {self.key}"


class Log(models.Model):
    """A line logged or printed inside a run."""

    id = models.BigAutoField(primary_key=True)
    run = UlidField()
    key = models.CharField(max_length=255, default="")
    number = models.IntegerField(default=0)
    at = MomentField()
    level = models.CharField(max_length=10)
    logger = models.CharField(max_length=200, default="")
    message = models.TextField()

    class Meta:
        db_table = "signalbox_log"
        # Logs of a run in order, and what is new since an id.
        indexes = [models.Index(fields=["run", "id"], name="signalbox_log_run")]

    def __str__(self) -> str:
        return f"{self.level} {self.message[:80]}"


class Wait(models.Model):
    """An open wait; deleted when settled (the attempt keeps the history)."""

    pk = models.CompositePrimaryKey("run", "key")
    run = UlidField()
    key = models.CharField(max_length=255)
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.value) for kind in WaitKind])
    env = models.IntegerField()
    name = models.CharField(max_length=512, default="")
    eq = models.CharField(max_length=512, default="")
    expr = models.TextField(null=True)
    number = models.IntegerField(default=1)
    due_at = MomentField(null=True)
    created_at = MomentField()

    class Meta:
        db_table = "signalbox_wait"
        # An arriving event finds the waits it settles.
        indexes = [
            models.Index(fields=["env", "name", "eq"], name="signalbox_wait_match", condition=models.Q(kind="event"))
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.kind} {self.name}"


class Inbox(models.Model):
    """What others want a run to know. Its owner drains it; the first row to settle a step wins."""

    id = models.BigAutoField(primary_key=True)
    run = UlidField()
    dedup = models.CharField(max_length=300)
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in MessageKind])
    data = JsonField(null=True)
    at = MomentField()

    class Meta:
        db_table = "signalbox_inbox"
        constraints = [models.UniqueConstraint(fields=["run", "dedup"], name="signalbox_inbox_dedup")]

    def __str__(self) -> str:
        return f"{self.kind} {self.dedup}"


class Mail(models.Model):
    """A signal that came before anybody waited for it; deleted when taken. The oldest of a name is taken first."""

    pk = models.CompositePrimaryKey("run", "name", "n")
    run = UlidField()
    name = models.CharField(max_length=255)
    n = models.BigIntegerField()
    payload = JsonField(null=True)

    class Meta:
        db_table = "signalbox_mail"

    def __str__(self) -> str:
        return f"{self.name} {self.n}"


class Blob(models.Model):
    """A large value (JSON text over 64 KB) by itself."""

    id = UlidField(primary_key=True)
    run = UlidField()
    size = models.IntegerField()
    sha256 = models.CharField(max_length=64)
    body = models.TextField()

    class Meta:
        db_table = "signalbox_blob"
        # Retention: the blobs of a run.
        indexes = [models.Index(fields=["run"], name="signalbox_blob_run")]

    def __str__(self) -> str:
        return f"{self.size} bytes"
