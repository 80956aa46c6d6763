"""Events that cancel runs: which ones, in which state, and which events do not."""

import asyncio
from typing import Any

import pytest

from orchestrator import CancelOn, Concurrency, Context, TaskContext, function, send, task
from orchestrator.engine.ingest import send_events
from orchestrator.models import CancelOn as CancelOnRow
from orchestrator.models import Inbox
from orchestrator.sdk.sending import incoming
from orchestrator.testing import Harness
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import journal, run_of, soon, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def orders(functions: None) -> None:
    """Ships an order after a week, unless it is cancelled."""

    @function("order/placed", id="ship", flow=[CancelOn("order/cancelled", match="data.order", timeout="3 days")])
    async def ship(ctx: Context[Any]) -> str:
        await ctx.step.sleep("a week", "7 days")
        return "shipped"


@pytest.mark.usefixtures("orders")
def test_a_sleeping_run_is_cancelled_by_the_event_that_matches() -> None:
    with Harness() as harness:
        [one] = harness.send("order/placed", {"order": 1})
        [two] = harness.send("order/placed", {"order": 2})
        harness.send("order/cancelled", {"order": 1})
        harness.advance("7 days")
        assert (one.status, two.status) == ("cancelled", "completed")
        assert two.output == "shipped"
        assert harness._db.query("SELECT run FROM signalbox_cancel_on") == []


@pytest.mark.usefixtures("orders")
def test_an_event_from_before_the_run_does_not_cancel_it() -> None:
    with Harness() as harness:
        harness.send("order/cancelled", {"order": 1})
        [run] = harness.send("order/placed", {"order": 1})
        assert run.status == "sleeping"


@pytest.mark.usefixtures("orders")
def test_after_its_timeout_the_event_cancels_no_more() -> None:
    with Harness() as harness:
        [run] = harness.send("order/placed", {"order": 1})
        harness.advance("3 days")
        harness.send("order/cancelled", {"order": 1})
        assert run.status == "sleeping"


def test_the_event_that_starts_a_run_cancels_the_former_one_only(functions: None) -> None:
    @function("file/uploaded", flow=[CancelOn("file/uploaded", match="data.path")])
    async def scan(ctx: Context[Any]) -> None:
        await ctx.step.sleep("settle", "1h")

    with Harness() as harness:
        runs = [harness.send("file/uploaded", {"path": path})[0] for path in ("a", "b", "a")]
        assert [run.status for run in runs] == ["cancelled", "sleeping", "sleeping"]


def test_a_condition_speaks_of_both_events(functions: None) -> None:
    rule = CancelOn("limit/changed", if_="async.data.limit < event.data.amount")

    @function("payment/asked", flow=[rule])
    async def pay(ctx: Context[Any]) -> None:
        await ctx.step.sleep("cooling off", "1h")

    with Harness() as harness:
        small, large = (harness.send("payment/asked", {"amount": amount})[0] for amount in (10, 100))
        harness.send("limit/changed", {"limit": 50})
        assert (small.status, large.status) == ("sleeping", "cancelled")


def test_a_task_is_matched_by_its_input(functions: None) -> None:
    @task(flow=[CancelOn("job/stopped", match="data.job")])
    async def work(ctx: TaskContext, job: int) -> None:
        await ctx.step.wait_for_signal("go")

    with Harness() as harness:
        runs = [harness.trigger(work, job=job) for job in (1, 2)]
        harness.send("job/stopped", {"job": 2})
        assert [run.status for run in runs] == ["waiting", "cancelled"]


def test_the_rules_are_no_waits_of_the_run(functions: None) -> None:
    @task(id="w", flow=[CancelOn("job/stopped", timeout="1m")])
    async def work(ctx: TaskContext) -> str:
        await ctx.step.sleep("cancel:0", "2m")
        return "done"

    with Harness() as harness:
        run = harness.trigger(work)
        harness.advance("1m")
        assert run.status == "sleeping"
        harness.advance("1m")
        assert run.output == "done"


def test_running_queued_and_delayed_runs_are_cancelled_and_say_by_what(start: StartEngine) -> None:
    gate, cleaned = Gate(), Gate()

    @task(flow=[Concurrency(1), CancelOn("job/stopped", match="data.job")])
    async def work(ctx: TaskContext, job: int) -> None:
        async def body() -> None:
            try:
                gate._came.set()
                await asyncio.Event().wait()
            finally:
                cleaned.open()

        await ctx.step.run("hang", body)

    start()
    running = work.trigger(job=1)
    gate.reached()
    gated, delayed, other = work.trigger(job=1), work.options(delay="1h").trigger(job=1), work.trigger(job=2)
    event = send("job/stopped", {"job": 1})
    for run in (running, gated, delayed):
        until(run, "cancelled")
        [asked] = [entry for entry in journal(run) if entry.kind == "cancel.requested"]
        assert asked.data["reason"] == f"event job/stopped {event}"
    cleaned.pass_through()
    until(other, "running")
    send("job/stopped", {"job": 2})
    until(other, "cancelled")
    soon(lambda: not CancelOnRow.objects.exists() and not Inbox.objects.exists())


def test_events_of_one_request_act_in_their_order(start: StartEngine) -> None:
    @function("order/placed", flow=[CancelOn("order/cancelled", match="data.order")])
    async def ship(ctx: Context[Any]) -> None:
        await ctx.step.wait_for_signal("paid")

    start()
    with_data = [("order/cancelled", 1), ("order/placed", 1), ("order/placed", 2), ("order/cancelled", 2)]
    events = [incoming(name, {"order": order}) for name, order in with_data]
    _, kept, cancelled, _ = send_events(events)
    until(run_of(cancelled), "cancelled")
    until(run_of(kept), "waiting")
