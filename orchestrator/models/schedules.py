"""Schedules, and what each of their ticks did."""

from django.db import models
from django.db.models import Q

from orchestrator.models.fields import JsonField, MomentField, UlidField


class Schedule(models.Model):
    """When a function starts by itself. Declared with the function, or made while running."""

    id = UlidField(primary_key=True)
    env = models.IntegerField(default=1)
    # The key that creating it twice is recognised by.
    slug = models.CharField(max_length=200)
    function = models.CharField(max_length=200)
    # As core.schedules.Schedule writes it: times, exclusions, zone, bounds, jitter, policies.
    timing = JsonField()
    payload = JsonField(null=True)
    declared = models.BooleanField(default=False)
    created_at = MomentField()
    updated_at = MomentField()
    removed_at = MomentField(null=True)
    paused_at = MomentField(null=True)
    note = models.CharField(max_length=500, default="")
    # The tick to come, and when it happens: later by its jitter. None when paused or over.
    next_tick_at = MomentField(null=True)
    due_at = MomentField(null=True)
    last_tick_at = MomentField(null=True)
    last_run = UlidField(null=True)
    # How the last run that has ended did.
    last_status = models.CharField(max_length=12, default="")
    last_success_at = MomentField(null=True)
    # Overdue is counted from here: made, changed, resumed.
    watched_from = MomentField()
    run_count = models.IntegerField(default=0)
    skipped_count = models.IntegerField(default=0)
    missed_count = models.IntegerField(default=0)

    class Meta:
        db_table = "signalbox_schedule"
        constraints = [models.UniqueConstraint(fields=["env", "slug"], name="signalbox_schedule_slug")]
        indexes = [
            # Scheduler: the schedules that are due.
            models.Index(fields=["due_at"], name="signalbox_schedule_due", condition=Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return self.slug


class ScheduleTick(models.Model):
    """A moment of a schedule, and what came of it: a run, or why not."""

    pk = models.CompositePrimaryKey("schedule", "at")
    schedule = UlidField()
    at = MomentField()
    # "tick", "trigger" (by hand), "backfill"
    kind = models.CharField(max_length=8)
    # "started", "buffered", "skipped", "missed"
    state = models.CharField(max_length=8)
    reason = models.CharField(max_length=500, default="")
    # Of missed ticks in a row only the first is kept: how many they were.
    count = models.IntegerField(default=1)
    run = UlidField(null=True)
    # How the run ended, empty until then.
    status = models.CharField(max_length=12, default="")
    decided_at = MomentField()
    ended_at = MomentField(null=True)
    # Its run is under way, or waits for the end of another.
    open = models.BooleanField(default=False)

    class Meta:
        db_table = "signalbox_schedule_tick"
        indexes = [
            # Overlap: what is under way; the sweep: what has ended since, and who is next.
            models.Index(fields=["schedule", "at"], name="signalbox_tick_open", condition=Q(open=True)),
            # Retention: the tick of a run.
            models.Index(fields=["run"], name="signalbox_tick_run", condition=Q(run__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.at} {self.state}"
