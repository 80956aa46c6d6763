"""Runs and their attempts. A checkpoint updates ``run`` (no indexed column changes) and inserts an attempt."""

from django.db import models
from django.db.models import Q

from orchestrator.core.ops import RUN_STATUSES, OpKind, Status
from orchestrator.models.fields import JsonField, MomentField, UlidField

RUN_CHOICES = [(status.value, status.value) for status in RUN_STATUSES]
STATUS_CHOICES = [(status.value, status.value) for status in Status]
OP_CHOICES = [(op.value, op.value) for op in OpKind]


class Run(models.Model):
    """One execution of a function. Belongs to the bearer of ``fence`` while ``owner`` is set."""

    id = UlidField(primary_key=True)
    env = models.IntegerField()
    function = models.CharField(max_length=200)
    version = models.CharField(max_length=64, default="")
    # "event", "cron", "call", "invoke", "replay", "failure"
    trigger = models.CharField(max_length=16)
    root = UlidField()
    parent = UlidField(null=True)
    parent_key = models.CharField(max_length=255, null=True)
    replay_of = UlidField(null=True)
    replay_from = models.CharField(max_length=255, null=True)
    status = models.CharField(max_length=12, choices=RUN_CHOICES)
    queue = models.CharField(max_length=64, default="default")
    # Claim order: microseconds since 1970 of queueing, minus the head start a priority gives.
    prio = models.BigIntegerField(default=0)
    owner = UlidField(null=True)
    fence = models.IntegerField(default=0)
    seq = models.IntegerField(default=0)
    attempt = models.IntegerField(default=1)
    due_at = MomentField(null=True)
    lost = models.IntegerField(default=0)
    # Keys of the limits that it has to be admitted by, as a JSON list; none for most runs.
    limits = models.TextField(null=True)
    # The limit that it waits at.
    gate = models.CharField(max_length=400, null=True)
    # Its turn among the waiting runs of a function with fairness.
    fair = models.BigIntegerField(null=True)
    queued_at = MomentField()
    started_at = MomentField(null=True)
    ended_at = MomentField(null=True)

    class Meta:
        db_table = "signalbox_run"
        indexes = [
            # Claim: ready runs only; with sleepers in it a claim is ten times dearer.
            models.Index(
                fields=["queue", "prio"],
                name="signalbox_run_ready",
                condition=Q(status="queued", owner=None, gate=None),
            ),
            # Who is next at a limit.
            models.Index(fields=["gate", "prio"], name="signalbox_run_gated", condition=Q(gate__isnull=False)),
            # Whose turn it is, among the ready runs of a function and among those that wait at a limit.
            models.Index(
                fields=["env", "function", "fair"],
                name="signalbox_run_turns",
                condition=Q(status="queued", owner=None, gate=None, fair__isnull=False),
            ),
            models.Index(
                fields=["gate", "fair"],
                name="signalbox_run_gated_turns",
                condition=Q(gate__isnull=False, fair__isnull=False),
            ),
            # Timers: the next run due among those nobody holds.
            models.Index(fields=["due_at"], name="signalbox_run_due", condition=Q(owner=None, due_at__isnull=False)),
            # Recovery: what a dead worker held.
            models.Index(fields=["owner"], name="signalbox_run_owned", condition=Q(owner__isnull=False)),
            # Runs lists: of an environment, of a function, of a status, newest first.
            models.Index(fields=["env", "id"], name="signalbox_run_list"),
            models.Index(fields=["env", "function", "id"], name="signalbox_run_function"),
            models.Index(fields=["env", "status", "id"], name="signalbox_run_status"),
            # Children of a run; replays of a run.
            models.Index(fields=["parent"], name="signalbox_run_parent", condition=Q(parent__isnull=False)),
            models.Index(fields=["replay_of"], name="signalbox_run_replays", condition=Q(replay_of__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.function} {self.id} {self.status}"


class RunData(models.Model):
    """Wide values of a run, apart so that a checkpoint does not copy them."""

    run = UlidField(primary_key=True)
    input = JsonField(null=True)
    output = JsonField(null=True)
    output_blob = UlidField(null=True)
    error = JsonField(null=True)
    tags = JsonField(default=list)

    class Meta:
        db_table = "signalbox_run_data"

    def __str__(self) -> str:
        return self.run


class RunEvent(models.Model):
    """The events a run was started with, in order (one, or a batch)."""

    pk = models.CompositePrimaryKey("run", "n")
    run = UlidField()
    n = models.IntegerField()
    event = UlidField()

    class Meta:
        db_table = "signalbox_run_event"
        # Event page: the runs of an event.
        indexes = [models.Index(fields=["event", "run"], name="signalbox_run_event_event")]

    def __str__(self) -> str:
        return f"{self.run} {self.event}"


class Attempt(models.Model):
    """One attempt of one step, for ever. The step is its last attempt; key '' is the run's own."""

    pk = models.CompositePrimaryKey("run", "key", "number")
    run = UlidField()
    key = models.CharField(max_length=255)
    number = models.IntegerField()
    op = models.CharField(max_length=16, choices=OP_CHOICES)
    ordinal = models.IntegerField()
    status = models.CharField(max_length=12, choices=STATUS_CHOICES)
    queued_at = MomentField(null=True)
    started_at = MomentField(null=True)
    ended_at = MomentField(null=True)
    worker = models.CharField(max_length=100, default="")
    fence = models.IntegerField(default=0)
    output = JsonField(null=True)
    blob = UlidField(null=True)
    error = JsonField(null=True)
    # Particulars of the operation: awaited event and match, wake time, child run, sent events.
    detail = JsonField(null=True)
    # Taken over from the run this one was forked from.
    reused = models.BooleanField(default=False)

    class Meta:
        db_table = "signalbox_attempt"
        # Retention: who else refers to a large value.
        indexes = [models.Index(fields=["blob"], name="signalbox_attempt_blob", condition=Q(blob__isnull=False))]

    def __str__(self) -> str:
        return f"{self.key or 'run'} #{self.number} {self.status}"
