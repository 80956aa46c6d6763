"""Schedules: one run a tick, whoever looks; what overlapping, late and failed runs mean to the next tick."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator import Context, Cron, Every, NonRetriableError, function
from orchestrator.engine.clock import VirtualClock
from orchestrator.engine.journal.writer import JournalWriter
from orchestrator.engine.runtime import current
from orchestrator.engine.schedules import Ticker
from orchestrator.engine.sql import open_connection
from orchestrator.models import Run, Schedule, ScheduleTick
from orchestrator.testing import Harness
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed
from tests.engine.writers import all_at_once

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Scheduler:
    """A scheduler with a journal and a clock of its own."""

    def __init__(self, now: datetime) -> None:
        runtime = current()
        self.clock = VirtualClock(now)
        owner = self.clock.new_id()
        connect = lambda: open_connection(runtime.settings.database)  # noqa: E731
        self.journal = JournalWriter(connect, owner, self.clock, on_effects=runtime.heard)
        self.ticker = Ticker(self.journal, runtime.queueing)

    def tick_for(self, minutes: int) -> None:
        for _ in range(minutes):
            self.clock.advance(MINUTE)
            self.ticker.tick()


def test_two_schedulers_start_one_run_a_tick_for_twenty_ticks(start: StartEngine) -> None:
    # A scheduler that finds the other at it leaves the tick to its next look, which is a minute later here.
    @function(on=Cron("* * * * *", tz="Europe/Zurich", catch_up="all"))
    async def every_minute(ctx: Context[Any]) -> str:
        return str(ctx.event.data["scheduled_at"])

    start()
    first = Schedule.objects.get(slug="every-minute").next_tick_at
    assert first is not None
    schedulers = [Scheduler(first - MINUTE) for _ in range(2)]
    all_at_once(*(lambda s=s: s.tick_for(20) for s in schedulers))
    for scheduler in schedulers:
        scheduler.ticker.tick()
        scheduler.journal.close()

    runs = list(Run.objects.filter(trigger="cron").order_by("id"))
    assert len(runs) == 20
    told = sorted(completed(run.id) for run in runs)
    assert told == [f"{first + n * MINUTE:%Y-%m-%dT%H:%M:%S}.000000Z" for n in range(20)]
    row = Schedule.objects.get(slug="every-minute")
    assert (row.run_count, row.skipped_count, row.missed_count) == (20, 0, 0)
    assert ScheduleTick.objects.filter(schedule=row.id, state="started").count() == 20


def test_a_changed_declaration_begins_anew_and_one_that_is_gone_ticks_no_more(start: StartEngine) -> None:
    def declare(*on: Any) -> None:
        @function(on=[*on, "other"], id="report")
        async def report(ctx: Context[Any]) -> None: ...

    declare(Cron("0 9 * * *", payload={"n": 1}), Every("1h"))
    start()
    start.drain()
    assert sorted(Schedule.objects.values_list("slug", flat=True)) == ["report", "report:2"]
    before = Schedule.objects.get(slug="report")
    declare(Cron("0 9 * * *", payload={"n": 1}))
    start()
    start.drain()
    assert Schedule.objects.get(slug="report").updated_at == before.updated_at
    gone = Schedule.objects.get(slug="report:2")
    assert gone.removed_at is not None
    assert gone.due_at is None
    declare(Cron("0 10 * * *", payload={"n": 1}))
    start()
    start.drain()
    after = Schedule.objects.get(slug="report")
    assert (after.id, after.next_tick_at.hour) == (before.id, 10)


def ticks(harness: Harness, slug: str) -> list[tuple[str, str]]:
    """Minute and state of each tick of a schedule, in order."""
    db = harness._db
    rows = db.query(
        "SELECT t.at, t.state FROM signalbox_schedule_tick t JOIN signalbox_schedule s ON s.id = t.schedule"
        " WHERE s.slug = ? ORDER BY t.at",
        [slug],
    )
    return [(f"{db.moment(at):%H:%M}", state) for at, state in rows]


def statuses(harness: Harness) -> list[str]:
    return [str(run.status) for run in harness.runs]


@pytest.fixture
def declare_slow(functions: None) -> Any:
    """A function of 25 minutes on a schedule of every 10."""

    def declare(**options: Any) -> None:
        @function(on=Every("10m", **options), id="slow")
        async def slow(ctx: Context[Any]) -> None:
            await ctx.step.sleep("work", "25m")

    return declare


@pytest.mark.parametrize(
    "overlap, states, runs",
    [
        ("skip", ["started", "skipped", "skipped", "started", "skipped"], ["completed", "sleeping"]),
        ("buffer_one", ["started", "started", "skipped", "started", "skipped"], None),
        ("buffer_all", ["started", "started", "buffered", "buffered", "buffered"], ["completed", "sleeping"]),
        ("cancel_other", ["started"] * 5, ["cancelled"] * 4 + ["sleeping"]),
        ("terminate_other", ["started"] * 5, ["cancelled"] * 4 + ["sleeping"]),
        ("allow", ["started"] * 5, ["completed"] * 2 + ["sleeping"] * 3),
    ],
)
def test_ticks_that_come_too_early(
    overlap: str, states: Sequence[str], runs: list[str] | None, declare_slow: Any
) -> None:
    declare_slow(overlap=overlap)
    with Harness(start=NOON) as harness:
        harness.advance("50m")  # ticks at :10 :20 :30 :40 :50; runs of 25 minutes
        found = ticks(harness, "slow")
        assert [at for at, _ in found] == ["12:10", "12:20", "12:30", "12:40", "12:50"]
        if runs is not None:
            assert ([state for _, state in found], statuses(harness)) == (list(states), runs)
        else:  # :10 runs to :35, then :20 to :60; :30 found one waiting, :40 waits, :50 found one waiting
            assert [state for _, state in found] == ["started", "started", "skipped", "buffered", "skipped"]


def test_late_ticks_are_caught_up_by_the_policy_of_their_schedule(functions: None) -> None:
    for policy in ("all", "latest", "none"):

        @function(on=Every("1h", catch_up=policy), id=policy)
        async def body(ctx: Context[Any]) -> None: ...

    with Harness(start=NOON) as harness:
        harness.clock.advance(timedelta(hours=5, minutes=30))  # nobody looked for so long
        harness.run_until_idle()
        count = {policy: len([r for r in harness.runs if r.function == policy]) for policy in ("all", "latest", "none")}
        assert count == {"all": 5, "latest": 1, "none": 0}
        assert ticks(harness, "all") == [(f"{hour}:00", "started") for hour in (13, 14, 15, 16, 17)]
        assert ticks(harness, "latest") == [("13:00", "missed"), ("17:00", "started")]
        assert ticks(harness, "none") == [("13:00", "missed")]
        harness.advance("1h")
        assert ticks(harness, "none")[-1] == ("18:00", "started")


def test_a_schedule_has_no_more_runs_than_it_is_given_and_ends_in_time(functions: None) -> None:
    @function(on=Every("1h", max_runs=3), id="thrice")
    async def thrice(ctx: Context[Any]) -> None: ...

    @function(on=Every("1h", end=NOON + timedelta(hours=2)), id="until-two")
    async def until_two(ctx: Context[Any]) -> None: ...

    with Harness(start=NOON) as harness:
        harness.advance("9h")
        names = [run.function for run in harness.runs]
        assert (names.count("thrice"), names.count("until-two")) == (3, 2)


def test_a_failed_run_pauses_a_schedule_that_asks_for_it(functions: None) -> None:
    @function(on=Every("1h", pause_on_failure=True), retries=0)
    async def fragile(ctx: Context[Any]) -> None:
        raise NonRetriableError("no")

    with Harness(start=NOON) as harness:
        harness.advance("5h")
        [run] = harness.runs
        [(note, due)] = harness._db.query("SELECT note, due_at FROM signalbox_schedule")
        assert (note, due) == (f"run {run.id} failed", None)


def test_a_run_finds_its_schedule_and_payload_and_jitter_puts_it_off(functions: None) -> None:
    @function(on=Cron("0 13 * * *", payload={"list": "all"}, jitter="30m", key="mail"))
    async def mail(ctx: Context[Any]) -> Any:
        return ctx.event.data

    with Harness(start=NOON) as harness:
        harness.advance("1h")
        assert harness.runs == []
        harness.advance("30m")
        [run] = harness.runs
        assert run.output == {
            "schedule": "mail",
            "cron": "0 13 * * *",
            "tz": "UTC",
            "scheduled_at": "2026-01-01T13:00:00.000000Z",
            "payload": {"list": "all"},
        }


def test_clocks_that_are_changed_leave_out_and_double_nothing(functions: None) -> None:
    @function(on=Cron("30 2 * * *", tz="Europe/Berlin"), id="nightly")
    async def nightly(ctx: Context[Any]) -> Any:
        return ctx.event.data["scheduled_at"][:16]

    for start, told in (
        (datetime(2026, 3, 28, tzinfo=UTC), ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]),
        (datetime(2026, 10, 24, tzinfo=UTC), ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]),
    ):
        with Harness(start=start) as harness:
            harness.advance("3 days")
            assert [run.output for run in harness.runs] == told
