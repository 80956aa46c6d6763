"""A later execution that goes another way through its function is told; races of branches, which may, are not."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator import StepError, SyncTaskContext, TaskContext, task
from orchestrator.engine.signals import send_signal
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, until, warnings

pytestmark = pytest.mark.django_db(transaction=True)


def one() -> int:
    return 1


def executed_twice(start: StartEngine, body: Callable[..., Any], *, declare: Callable[..., Any]) -> str:
    """A run that was begun by one engine and goes on after its signal ``go`` in another one."""
    main = task(id="main")(declare(body))
    start()
    run = main.trigger()
    until(run, "waiting")
    start.drain()
    start()
    send_signal(run, "go")
    completed(run)
    return run


def as_async(body: Callable[..., Any]) -> Callable[..., Any]:
    """The same function of sync steps, asynchronous."""

    async def main(ctx: TaskContext) -> None:
        for name in body():
            await (ctx.step.wait_for_signal("go") if name == "go" else ctx.step.run(name, one))

    return main


def as_sync(body: Callable[..., Any]) -> Callable[..., Any]:
    def main(ctx: SyncTaskContext) -> None:
        for name in body():
            if name == "go":
                ctx.step.wait_for_signal("go")
            else:
                ctx.step.run(name, one)

    return main


def ways(*each: str) -> Callable[[], list[str]]:
    """Steps of each execution; the last way is that of all later ones."""
    left = [way.split() for way in each]
    return lambda: left.pop(0) if len(left) > 1 else left[0]


BOTH = pytest.mark.parametrize("declare", [as_async, as_sync])


@BOTH
def test_recorded_steps_in_another_order_are_told_once(start: StartEngine, declare: Callable[..., Any]) -> None:
    run = executed_twice(start, ways("a b c go", "b a c go d"), declare=declare)
    [(step, text)] = warnings(run)
    assert step == "a"
    assert text.startswith("step 'a' is reached after step 'b' now, in a former execution it came before it.")


@BOTH
def test_a_recorded_step_that_nobody_asks_for_is_told_when_the_function_completes(
    start: StartEngine, declare: Callable[..., Any]
) -> None:
    run = executed_twice(start, ways("a b go", "a go"), declare=declare)
    [(step, text)] = warnings(run)
    assert step == "b"
    assert text.startswith("step 'b' is recorded and was not asked for")


@BOTH
def test_the_same_way_again_and_new_steps_between_are_no_fault(start: StartEngine, declare: Callable[..., Any]) -> None:
    run = executed_twice(start, ways("a b go", "a new b go c"), declare=declare)
    assert warnings(run) == []


def test_parallel_branches_may_begin_in_any_order(start: StartEngine) -> None:
    orders = [("a", "b", "c"), ("c", "b", "a")]

    def main(ctx: SyncTaskContext) -> None:
        names = orders.pop(0) if len(orders) > 1 else orders[0]
        ctx.step.parallel(*(lambda name=name: ctx.step.run(name, one) for name in names))
        ctx.step.wait_for_signal("go")

    assert warnings(executed_twice(start, main, declare=lambda body: body)) == []


def test_parallel_coroutines_may_begin_in_any_order(start: StartEngine) -> None:
    orders = [("a", "b", "c"), ("c", "b", "a")]

    async def main(ctx: TaskContext) -> None:
        names = orders.pop(0) if len(orders) > 1 else orders[0]
        await asyncio.gather(*(ctx.step.run(name, one) for name in names))
        await ctx.step.wait_for_signal("go")

    assert warnings(executed_twice(start, main, declare=lambda body: body)) == []


def test_the_loser_of_a_race_need_not_come_as_far_again(start: StartEngine) -> None:
    first = [True]

    async def main(ctx: TaskContext) -> None:
        slow_came = asyncio.Event()

        async def slow() -> None:
            if not first:
                await asyncio.Event().wait()
            await ctx.step.run("slow", one)
            slow_came.set()
            await asyncio.Event().wait()

        async def quick() -> None:
            if first:
                await slow_came.wait()
            await ctx.step.run("quick", one)

        racers = [asyncio.create_task(slow()), asyncio.create_task(quick())]
        await asyncio.wait(racers, return_when=asyncio.FIRST_COMPLETED)
        racers[0].cancel()
        first.clear()
        await ctx.step.wait_for_signal("go")

    assert warnings(executed_twice(start, main, declare=lambda body: body)) == []


def test_a_failed_step_whose_error_is_caught_again_is_no_fault(start: StartEngine) -> None:
    def fail() -> None:
        raise ValueError("no")

    async def main(ctx: TaskContext) -> None:
        try:
            await ctx.step.with_retries(0).run("fails", fail)
        except StepError:
            await ctx.step.run("instead", one)
        await ctx.step.wait_for_signal("go")

    assert warnings(executed_twice(start, main, declare=lambda body: body)) == []
