"""Nights on a clock that the test moves."""

from datetime import UTC, date, datetime, timedelta

import pytest

from examples.functions import nightly_report as story
from examples.functions.nightly_report import nightly_report
from examples.mail import send_mail
from examples.models import DayReport, Mail
from orchestrator.testing import Harness, HarnessRun

pytestmark = pytest.mark.django_db


def nights(harness: Harness) -> list[HarnessRun]:
    return [run for run in harness.runs if run.function == nightly_report.id]


def mail_at(moment: datetime, to: str = "ada@example.com") -> None:
    Mail.objects.filter(pk=send_mail(to, "Hello")).update(sent_at=moment)


def test_it_runs_at_half_past_two_of_the_wall_clock_in_berlin() -> None:
    # Clocks are put forward at 2:00 on March 29, 2026: the gap has no 2:30, the tick comes right after it.
    with Harness(database="default", start=datetime(2026, 3, 27, 12, tzinfo=UTC)) as harness:
        harness.advance("3 days")
        ticks = [day.day for day in DayReport.objects.order_by("day")]
        assert len(nights(harness)) == 3
        assert ticks == [date(2026, 3, 27), date(2026, 3, 28), date(2026, 3, 29)]


def test_yesterday_is_a_day_in_berlin() -> None:
    mail_at(datetime(2026, 6, 9, 21, 59, tzinfo=UTC))  # 23:59 of the 9th
    mail_at(datetime(2026, 6, 9, 22, 0, tzinfo=UTC))  # 0:00 of the 10th
    mail_at(datetime(2026, 6, 10, 21, 59, tzinfo=UTC), to="charles@example.com")
    mail_at(datetime(2026, 6, 10, 22, 0, tzinfo=UTC))
    with Harness(database="default", start=datetime(2026, 6, 10, 23, tzinfo=UTC)) as harness:
        harness.advance("2 hours")
        [night] = nights(harness)
    report = DayReport.objects.get()
    assert (report.day, report.mails, report.recipients) == (date(2026, 6, 10), 2, 2)
    assert night.output == {"mails": 2, "deleted": 0}


def test_what_is_older_than_a_month_goes_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "BATCH", 2)
    now = datetime(2026, 6, 10, 12, tzinfo=UTC)
    for days in (31, 32, 33, 29):
        mail_at(now - timedelta(days=days))
    with Harness(database="default", start=now) as harness:
        run = harness.trigger(nightly_report, {})
        assert run.output == {"mails": 0, "deleted": 3}
        assert [step.output for key, step in run.steps.items() if key.startswith("delete")] == [2, 1, 0]
    assert Mail.objects.count() == 1
    assert DayReport.objects.get().deleted == 3
