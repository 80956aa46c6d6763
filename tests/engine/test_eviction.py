"""Branches that fail, outlive their function, or are dropped from memory while they wait."""

import asyncio
from typing import Any

import pytest

from orchestrator import StepError, TaskContext, task
from orchestrator.engine.signals import send_signal
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, ended, kinds, leftovers, logs, soon, steps, until

pytestmark = pytest.mark.django_db(transaction=True)


def test_dropped_branches_are_executed_again_only_where_they_are_not_settled(start: StartEngine) -> None:
    calls: list[str] = []

    async def branch(ctx: TaskContext, name: str) -> Any:
        await ctx.step.run(f"before-{name}", lambda: calls.append(f"before-{name}"))
        got = await ctx.step.wait_for_signal(name)
        await ctx.step.run(f"after-{name}", lambda: calls.append(f"after-{name}"))
        return got

    @task()
    async def branching(ctx: TaskContext) -> Any:
        return await asyncio.gather(*(branch(ctx, name) for name in "abc"))

    start(PARKED_RUNS=1)
    runs = [branching.trigger() for _ in range(3)]
    for name in "cab":
        for run in runs:
            until(run, "waiting")
            send_signal(run, name, name)
            soon(lambda run=run, name=name: steps(run).get(f"after-{name}") == ["completed"])

    for run in runs:
        assert completed(run) == ["a", "b", "c"]
    assert sorted(calls) == sorted(f"{when}-{name}" for when in ("before", "after") for name in "abc" for _ in runs)


def test_many_waiting_runs_with_hardly_any_room_in_memory_all_complete(start: StartEngine) -> None:
    @task()
    async def napping(ctx: TaskContext, n: int) -> int:
        for _ in range(3):
            await ctx.step.sleep("nap", "5ms")
        return n

    start(PARKED_RUNS=2)
    runs = [napping.trigger(n) for n in range(60)]

    assert [completed(run) for run in runs] == list(range(60))
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}


def test_a_failing_branch_fails_the_run_and_cancels_the_open_ones(start: StartEngine) -> None:
    @task(retries=0)
    async def mixed(ctx: TaskContext) -> None:
        def fails() -> None:
            raise ValueError("no")

        await asyncio.gather(ctx.step.sleep("long", "1h"), ctx.step.run("fails", fails))

    start()
    run = mixed.trigger()

    assert ended(run).status == "failed"
    assert steps(run) == {"": ["failed"], "long": ["cancelled"], "fails": ["failed"]}
    assert kinds(run).count("step.cancelled") == 1
    assert leftovers()["wait"] == 0


def test_a_function_that_returns_while_a_branch_waits_cancels_that_branch(start: StartEngine) -> None:
    @task()
    async def impatient(ctx: TaskContext) -> str:
        waiting = asyncio.create_task(ctx.step.wait_for_signal("never"))
        quick = asyncio.create_task(ctx.step.run("quick", lambda: "quick"))
        done, _ = await asyncio.wait({waiting, quick}, return_when=asyncio.FIRST_COMPLETED)
        return str(done.pop().result())

    start()
    run = impatient.trigger()

    assert completed(run) == "quick"
    assert steps(run)["never"] == ["cancelled"]
    assert leftovers()["wait"] == 0


def test_one_branch_may_catch_the_step_error_of_another(start: StartEngine) -> None:
    @task(retries=0)
    async def tolerant(ctx: TaskContext) -> list[str]:
        def fails() -> None:
            raise ValueError("no")

        results = await asyncio.gather(
            ctx.step.run("fails", fails), ctx.step.run("works", lambda: "yes"), return_exceptions=True
        )
        return [type(result).__name__ if isinstance(result, StepError) else result for result in results]

    start()
    assert completed(tolerant.trigger()) == ["StepError", "yes"]


def test_eviction_runs_finally_blocks(start: StartEngine) -> None:
    unwound: list[str] = []

    @task()
    async def careful(ctx: TaskContext) -> str:
        try:
            await ctx.step.wait_for_signal("go")
        finally:
            unwound.append(ctx.run_id)
        return "done"

    start(PARKED_RUNS=1)
    first = careful.trigger()
    until(first, "waiting")
    second = careful.trigger()
    soon(lambda: unwound == [first])
    for run in (first, second):
        send_signal(run, "go")

    assert completed(first) == completed(second) == "done"
    assert sorted(unwound) == sorted([first, first, second])


def test_a_step_in_a_finally_of_an_evicted_run_says_nothing(start: StartEngine) -> None:
    called: list[str] = []

    @task()
    async def chatty(ctx: TaskContext) -> str:
        try:
            await ctx.step.wait_for_signal("go")
        finally:
            await ctx.step.run("cleanup", lambda: called.append(ctx.run_id))
        return "done"

    start(PARKED_RUNS=1)
    first = chatty.trigger()
    until(first, "waiting")
    second = chatty.trigger()
    until(second, "waiting")
    for run in (first, second):
        send_signal(run, "go")
        assert completed(run) == "done"
        assert steps(run)["cleanup"] == ["completed"]
    assert called == [first, second]


def test_a_swallowed_suspension_is_reported_in_the_runs_logs(start: StartEngine) -> None:
    @task()
    async def greedy(ctx: TaskContext) -> str:
        try:
            return str(await ctx.step.wait_for_signal("go"))
        except BaseException:
            return "swallowed"

    start(PARKED_RUNS=1)
    first = greedy.trigger()
    until(first, "waiting")
    second = greedy.trigger()
    soon(lambda: any("swallowed its suspension" in message for _, _, message in logs(first)))
    for run in (first, second):
        send_signal(run, "go", "gone")

    assert completed(first) == completed(second) == "gone"


def test_a_time_limit_of_asyncio_around_a_wait_cannot_speak_for_a_released_run(start: StartEngine) -> None:
    @task()
    async def limited(ctx: TaskContext) -> Any:
        try:
            return await asyncio.wait_for(ctx.step.wait_for_signal("go"), 0.05)
        except TimeoutError:
            return await ctx.step.run("too-late", lambda: "late")

    host = start()
    run = limited.trigger()
    until(run, "waiting")
    soon(lambda: not host.dispatcher.parked)
    send_signal(run, "go", "in time")

    assert completed(run) == "in time"
    assert "result.refused" not in kinds(run)
