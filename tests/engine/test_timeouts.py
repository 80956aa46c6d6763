"""Start and finish timeouts: when they pass, what becomes of the run, its children and whoever waits for it."""

import asyncio
from datetime import timedelta

import pytest

from orchestrator import (
    Concurrency,
    Context,
    Retries,
    RunFailed,
    StepError,
    SyncTaskContext,
    TaskContext,
    Timeouts,
    task,
)
from orchestrator.engine.rows import DeadlineRow
from orchestrator.models import Deadline
from orchestrator.testing import Harness
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import attempts, error, kinds, run_row, soon, steps, until

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_waits_at_a_limit_too_long_expires_unstarted(start: StartEngine) -> None:
    gate = Gate()

    @task(flow=[Concurrency(1), Timeouts(start="300ms")])
    async def work(ctx: TaskContext) -> str:
        await ctx.step.run("hold", gate.apass_through)
        return "done"

    start()
    first = work.trigger()
    gate.reached()
    second = work.trigger()
    row = until(second, "expired")
    assert row.started_at is None
    assert kinds(second) == ["run.queued", "run.expired"]
    told = error(second)
    assert told is not None
    assert told["type"] == "StartTimeout"
    assert "300 ms" in told["message"]
    gate.open()
    until(first, "completed")
    soon(lambda: not Deadline.objects.exists())


def test_a_delayed_run_has_its_time_from_when_it_may_start(functions: None) -> None:
    @task(flow=[Timeouts(start="1m")])
    async def work(ctx: TaskContext) -> str:
        return "done"

    with Harness() as harness:
        later = harness.clock.now() + timedelta(hours=1)
        run = harness._engine.runtime.starting.run(1, work.id, trigger="call", now=harness.clock.now(), start_at=later)
        assert run.terms == [DeadlineRow(run.run.id, "start", later + timedelta(minutes=1), 60_000)]


def test_a_sleeping_run_times_out_with_its_children_and_tells_who_listens(functions: None) -> None:
    told: list[str] = []

    @task()
    async def part(ctx: TaskContext) -> None:
        await ctx.step.sleep("long", "1 day")

    @task(id="whole", flow=[Timeouts(finish="1h")])
    async def whole(ctx: TaskContext) -> None:
        await ctx.step.invoke("part", part)

    @whole.on_failure
    async def report(ctx: Context[RunFailed]) -> None:
        told.append(ctx.event.data.run_id)

    with Harness() as harness:
        run = harness.trigger(whole)
        harness.advance("59m")
        assert run.status == "waiting"
        harness.advance("1m")
        assert run.status == "timed_out"
        assert run.error == "FinishTimeout: it had not ended 1 h after its start, the finish timeout of its function"
        assert [child.status for child in run.children] == ["cancelled"]
        assert "cancel.requested" not in run.history
        assert told == [run.id]
        assert harness._db.query("SELECT run FROM signalbox_deadline") == []


def test_a_run_that_ends_in_time_leaves_nothing(functions: None) -> None:
    @task(flow=[Timeouts(start="1m", finish="1h")])
    async def work(ctx: TaskContext) -> str:
        await ctx.step.sleep("a while", "30m")
        return "done"

    with Harness() as harness:
        run = harness.trigger(work)
        harness.advance("30m")
        assert run.output == "done"
        assert harness._db.query("SELECT run FROM signalbox_deadline") == []
        harness.advance("1 day")
        assert run.status == "completed"


def test_a_running_function_is_unwound_with_its_cleanup(start: StartEngine) -> None:
    cleaned: list[str] = []

    @task(flow=[Timeouts(finish="200ms")])
    async def hang(ctx: TaskContext) -> None:
        async def body() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cleaned.append("up")

        await ctx.step.run("hang", body)

    start()
    run = hang.trigger()
    until(run, "timed_out")
    assert cleaned == ["up"]
    assert steps(run)["hang"] == ["cancelled"]
    told = error(run)
    assert told is not None
    assert told["type"] == "FinishTimeout"
    assert "200 ms" in told["message"]


def test_a_sync_function_is_ended_though_its_body_goes_on(start: StartEngine) -> None:
    gate, after = Gate(), Gate()

    @task(flow=[Timeouts(finish="150ms")])
    def hang(ctx: SyncTaskContext) -> None:
        ctx.step.run("first", gate.pass_through)
        ctx.step.run("second", after.pass_through)

    host = start()
    run = hang.trigger()
    gate.reached()
    live = host.dispatcher.live[run]
    soon(lambda: live.ending is not None)
    gate.open()
    until(run, "timed_out")
    assert not after.was_reached


def test_a_parent_learns_that_its_child_timed_out(functions: None) -> None:
    @task(flow=[Timeouts(finish="1m")])
    async def part(ctx: TaskContext) -> None:
        await ctx.step.sleep("long", "1 day")

    @task()
    async def whole(ctx: TaskContext) -> str:
        try:
            await ctx.step.invoke("part", part)
        except StepError as failure:
            return str(failure)
        return "no failure"

    with Harness() as harness:
        run = harness.trigger(whole)
        harness.advance("1m")
        assert "FinishTimeout" in run.output


def test_a_run_that_waits_in_the_queue_starts_its_finish_clock_when_it_starts(start: StartEngine) -> None:
    gate = Gate()

    @task(flow=[Concurrency(1), Timeouts(finish="5m")])
    async def work(ctx: TaskContext) -> str:
        await ctx.step.run("hold", gate.apass_through)
        return "done"

    start()
    first, second = work.trigger(), work.trigger()
    gate.reached()
    assert not Deadline.objects.filter(run=second).exists()
    gate.open()
    for run in (first, second):
        until(run, "completed")
    assert run_row(second).started_at
    soon(lambda: not Deadline.objects.exists())


def test_an_attempt_of_a_step_that_takes_longer_than_its_timeout_fails_and_is_tried_again(start: StartEngine) -> None:
    cleaned: list[str] = []
    tries: list[int] = []

    async def slow() -> str:
        tries.append(len(tries))
        try:
            if len(tries) < 2:
                await asyncio.Event().wait()
        finally:
            cleaned.append("up")
        return "done"

    @task()
    async def work(ctx: TaskContext) -> str:
        return str(await ctx.step.with_retries(Retries(3, initial="1ms")).with_timeout("30ms").run("slow", slow))

    start()
    run = work.trigger()
    until(run, "completed")
    assert steps(run)["slow"] == ["failed", "completed"]
    assert cleaned == ["up", "up"]
    failed = next(attempt.error for attempt in attempts(run) if attempt.key == "slow")
    assert failed is not None
    assert (failed["type"], failed["message"]) == ("TimeoutError", "it took longer than 30 ms, the timeout of the step")


def test_a_sync_body_can_have_no_timeout_since_nothing_stops_a_thread(functions: None) -> None:
    @task(retries=0)
    async def work(ctx: TaskContext) -> None:
        await ctx.step.with_timeout("1s").run("sync", lambda: None)

    with Harness() as harness:
        assert "with_timeout is for async bodies" in (harness.trigger(work).error or "")
