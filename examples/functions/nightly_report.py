"""Nightly: at half past two in Berlin, count yesterday's mails and delete what is too old.

One tick is one run, however many processes look at the clock. The deletion goes in batches, each a step: when it is
stopped half-way, it goes on with the batch that is missing. It can be started by hand, too:

    curl -H 'Content-Type: application/json' -d '{"data": {}}' \\
         http://127.0.0.1:8000/api/v1/functions/nightly-report/trigger
"""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count

from examples.models import DayReport, Mail
from orchestrator import Context, Cron, function

BERLIN = "Europe/Berlin"
KEPT = timedelta(days=30)
BATCH = 500  # rows


@function(on=Cron("30 2 * * *", tz=BERLIN))
async def nightly_report(ctx: Context[dict[str, Any]]) -> dict[str, int]:
    """Reports on the day before, and deletes mails that are older than a month."""
    step, now = ctx.step, ctx.event.ts  # the time of the tick: the same at every execution
    yesterday = now.astimezone(ZoneInfo(BERLIN)).date() - timedelta(days=1)
    mails = await step.transaction("count-mails", count_mails, yesterday)
    deleted = 0
    while batch := await step.transaction("delete-old-mails", delete_mails, now - KEPT):
        deleted += batch
    await step.transaction("write-down", write_down, yesterday, deleted)
    return {"mails": mails, "deleted": deleted}


def count_mails(day: date) -> int:
    sent = Mail.objects.filter(sent_at__gte=start_of(day), sent_at__lt=start_of(day + timedelta(days=1)))
    figures = sent.aggregate(mails=Count("id"), recipients=Count("to", distinct=True))
    DayReport.objects.update_or_create(day=day, defaults=figures)
    return int(figures["mails"])


def delete_mails(before: datetime) -> int:
    oldest = Mail.objects.filter(sent_at__lt=before).order_by("id").values_list("id", flat=True)[:BATCH]
    return Mail.objects.filter(id__in=list(oldest)).delete()[0]


def write_down(day: date, deleted: int) -> None:
    DayReport.objects.filter(day=day).update(deleted=deleted)


def start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(BERLIN))
