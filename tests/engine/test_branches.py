"""Parallel branches of async functions: gather, TaskGroup, wait, as_completed, wait_for; when a run is quiet."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator import TaskContext, task
from orchestrator.engine.signals import send_signal
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import completed, leftovers, run_row, soon, steps, until

pytestmark = pytest.mark.django_db(transaction=True)

Body = Callable[[TaskContext, Gate], Awaitable[Any]]


async def one_park(ctx: TaskContext, gate: Gate) -> Any:
    return await ctx.step.wait_for_signal("a")


async def gather_of_parks(ctx: TaskContext, gate: Gate) -> Any:
    return await asyncio.gather(ctx.step.wait_for_signal("a"), ctx.step.wait_for_signal("b"))


async def group_of_parks(ctx: TaskContext, gate: Gate) -> Any:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ctx.step.wait_for_signal(name)) for name in "ab"]
    return [task.result() for task in tasks]


async def wait_for_all(ctx: TaskContext, gate: Gate) -> Any:
    tasks = [asyncio.create_task(ctx.step.wait_for_signal(name)) for name in "ab"]
    await asyncio.wait(tasks)
    return [task.result() for task in tasks]


async def as_they_complete(ctx: TaskContext, gate: Gate) -> Any:
    waits = [ctx.step.wait_for_signal(name) for name in "ab"]
    return sorted([await done for done in asyncio.as_completed(waits)])


async def with_a_limit(ctx: TaskContext, gate: Gate) -> Any:
    return await asyncio.wait_for(ctx.step.wait_for_signal("a"), 99)


async def bare_await_then_park(ctx: TaskContext, gate: Gate) -> Any:
    await gate.apass_through()
    return await ctx.step.wait_for_signal("a")


async def gather_with_a_bare_await(ctx: TaskContext, gate: Gate) -> Any:
    return await asyncio.gather(ctx.step.wait_for_signal("a"), bare_await_then_park_b(ctx, gate))


async def bare_await_then_park_b(ctx: TaskContext, gate: Gate) -> Any:
    await gate.apass_through()
    return await ctx.step.wait_for_signal("b")


async def group_with_a_bare_await(ctx: TaskContext, gate: Gate) -> Any:
    async with asyncio.TaskGroup() as group:
        parked = group.create_task(ctx.step.wait_for_signal("a"))
        bare = group.create_task(bare_await_then_park_b(ctx, gate))
    return [parked.result(), bare.result()]


async def gather_with_a_thread(ctx: TaskContext, gate: Gate) -> Any:
    async def in_a_thread() -> Any:
        await asyncio.to_thread(gate.pass_through)
        return await ctx.step.wait_for_signal("b")

    return await asyncio.gather(ctx.step.wait_for_signal("a"), in_a_thread())


QUIET_AT_ONCE = [one_park, gather_of_parks, group_of_parks, wait_for_all, as_they_complete, with_a_limit]
HELD_BY_A_BARE_AWAIT = [
    bare_await_then_park,
    gather_with_a_bare_await,
    group_with_a_bare_await,
    gather_with_a_thread,
]


@pytest.mark.parametrize("parked_runs", [1, 2000])  # dropped from memory by the next one; kept there
@pytest.mark.parametrize("body", QUIET_AT_ONCE)
def test_a_run_whose_branches_all_wait_is_released_and_goes_on(
    start: StartEngine, body: Body, parked_runs: int
) -> None:
    @task(id="quiet")
    async def quiet(ctx: TaskContext) -> Any:
        return await body(ctx, Gate())

    waited_for = "a" if body in (one_park, with_a_limit) else "ab"
    host = start(PARKED_RUNS=parked_runs)
    first, second = quiet.trigger(), quiet.trigger()
    for run in (first, second):
        assert until(run, "waiting").owner is None
    soon(lambda: len(host.dispatcher.parked) == min(parked_runs, 2))
    for run in (first, second):
        for number, name in enumerate(waited_for, start=1):
            send_signal(run, name, number)

    expected = 1 if waited_for == "a" else [1, 2]
    assert completed(first) == completed(second) == expected
    assert leftovers()["wait"] == leftovers()["inbox"] == 0


@pytest.mark.parametrize("body", HELD_BY_A_BARE_AWAIT)
def test_a_bare_await_between_steps_holds_the_run(start: StartEngine, body: Body) -> None:
    gate = Gate()

    @task(id="held")
    async def held(ctx: TaskContext) -> Any:
        return await body(ctx, gate)

    start(PARKED_RUNS=1)
    run = held.trigger()
    gate.reached()
    if body is not bare_await_then_park:
        soon(lambda: steps(run) == {"a": ["waiting"]})
    assert run_row(run).status == "running"
    assert run_row(run).owner is not None
    gate.open()
    until(run, "waiting")
    send_signal(run, "a", 1)
    if body is bare_await_then_park:
        assert completed(run) == 1
        return
    send_signal(run, "b", 2)

    assert completed(run) == [1, 2]


def test_branches_with_bodies_run_beside_each_other(start: StartEngine) -> None:
    first, second = Gate(), Gate()

    async def meet(mine: Gate, other: Gate) -> str:
        mine.open()
        await other.apass_through()
        return "met"

    @task()
    async def meeting(ctx: TaskContext) -> list[str]:
        return await asyncio.gather(ctx.step.run("one", meet, first, second), ctx.step.run("two", meet, second, first))

    start()
    assert completed(meeting.trigger()) == ["met", "met"]


async def with_a_lock_of_its_own(ctx: TaskContext, gate: Gate) -> Any:
    lock = asyncio.Lock()
    await lock.acquire()
    asyncio.get_running_loop().run_in_executor(None, gate.pass_through).add_done_callback(lambda _: lock.release())

    async def locked() -> str:
        async with lock:
            return str(await ctx.step.wait_for_signal("b"))

    return await asyncio.gather(ctx.step.wait_for_signal("a"), locked())


async def with_a_lock_in_a_body(ctx: TaskContext, gate: Gate) -> Any:
    lock = asyncio.Lock()
    await lock.acquire()
    asyncio.get_running_loop().run_in_executor(None, gate.pass_through).add_done_callback(lambda _: lock.release())

    async def body() -> str:
        async with lock:
            return "b"

    return await asyncio.gather(ctx.step.wait_for_signal("a"), ctx.step.run("body", body))


@pytest.mark.parametrize("body", [with_a_lock_of_its_own, with_a_lock_in_a_body])
def test_a_branch_that_waits_for_a_lock_is_author_code_that_runs(start: StartEngine, body: Body) -> None:
    gate = Gate()

    @task(id="locked")
    async def locked(ctx: TaskContext) -> Any:
        return await body(ctx, gate)

    start()
    run = locked.trigger()
    gate.reached()
    soon(lambda: steps(run).get("a") == ["waiting"])
    assert run_row(run).status == "running"
    gate.open()
    for name in "a" if body is with_a_lock_in_a_body else "ba":
        send_signal(run, name, name)

    assert completed(run) == ["a", "b"]
