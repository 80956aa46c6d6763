"""How long a run may execute: in this process, over several executions, with its waits left out."""

import asyncio
from datetime import timedelta

import pytest

from orchestrator import RunFailed, SyncContext, SyncTaskContext, TaskContext, task
from orchestrator.engine.journal.items import Call
from orchestrator.engine.runtime import current
from orchestrator.engine.timed import time_used
from orchestrator.models import Run
from orchestrator.testing import Harness
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import completed, error, journal, soon, steps, until

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_async_function_is_unwound_when_its_time_is_over(start: StartEngine) -> None:
    cleaned: list[str] = []

    @task(max_duration="150ms")
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
    told = error(run)
    assert told is not None
    assert told["type"] == "MaxDurationExceeded"
    assert "150 ms, its max_duration" in told["message"]
    assert steps(run)["hang"] == ["cancelled"]


def test_a_sync_function_ends_at_its_next_step(start: StartEngine) -> None:
    gate, reached = Gate(), Gate()

    @task(max_duration="100ms")
    def hang(ctx: SyncTaskContext) -> None:
        ctx.step.run("first", gate.pass_through)
        ctx.step.run("second", reached.pass_through)

    host = start()
    run = hang.trigger()
    gate.reached()
    live = host.dispatcher.live[run]
    soon(lambda: live.ending is not None)
    gate.open()

    until(run, "timed_out")
    assert not reached.was_reached
    assert "second" not in steps(run)


def test_who_listens_for_failures_is_told(start: StartEngine) -> None:
    @task(max_duration="50ms")
    async def hang(ctx: TaskContext) -> None:
        await ctx.step.run("hang", asyncio.Event().wait)

    @hang.on_failure
    def mourn(ctx: SyncContext[RunFailed]) -> str:
        return ctx.event.data.error.type

    start()
    run = hang.trigger()

    until(run, "timed_out")
    mourner = soon(lambda: Run.objects.filter(function=mourn.id).first())
    assert completed(mourner.id) == "MaxDurationExceeded"


def test_what_was_used_is_told_with_each_rest_and_counts_in_the_next_execution(start: StartEngine) -> None:
    @task(max_duration="1 hour")
    async def nap(ctx: TaskContext) -> None:
        await ctx.step.run("work", asyncio.sleep, 0.02)
        await ctx.step.sleep("nap", "300ms")

    start()
    run = nap.trigger()
    completed(run)

    [rest] = [entry for entry in journal(run) if entry.kind == "run.sleeping"]
    used = rest.data["active_seconds"]
    assert used >= 0.02
    former = current().journal.submit(Call(lambda tx: time_used(tx, run))).result()
    assert former == timedelta(seconds=used)


def test_sleeps_of_any_length_do_not_count(functions: None) -> None:
    @task(max_duration="1 minute")
    async def patient(ctx: TaskContext) -> str:
        for hour in range(3):
            await ctx.step.sleep(f"hour-{hour}", "1 hour")
        return "rested"

    with Harness() as h:
        run = h.trigger(patient)
        h.advance("4 hours")
        assert run.output == "rested"
