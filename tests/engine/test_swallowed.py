"""A function that catches what unwinds it: nothing is lost by it, and its author is told."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator import Retries, SyncTaskContext, TaskContext, task
from orchestrator.engine.cancel import cancel_run
from orchestrator.engine.signals import send_signal
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import completed, ended, run_row, soon, steps, until, warnings
from tests.engine.test_retries import failing

pytestmark = pytest.mark.django_db(transaction=True)


def swallow_all(wait: Callable[[], Any]) -> Any:
    try:
        return wait()
    except:  # noqa: E722 - the mistake that is told
        return "swallowed"


def swallow_base(wait: Callable[[], Any]) -> Any:
    try:
        return wait()
    except BaseException:
        return "swallowed"


def swallow_in_finally(wait: Callable[[], Any]) -> Any:
    got: Any = "swallowed"
    try:
        got = wait()
    finally:
        return got  # noqa: B012 - the mistake that is told


def raise_instead(wait: Callable[[], Any]) -> Any:
    try:
        return wait()
    except BaseException:
        raise ValueError("it did not work") from None


async def aswallow_all(wait: Callable[[], Any]) -> Any:
    try:
        return await wait()
    except:  # noqa: E722 - the mistake that is told
        return "swallowed"


async def aswallow_in_finally(wait: Callable[[], Any]) -> Any:
    got: Any = "swallowed"
    try:
        got = await wait()
    finally:
        return got  # noqa: B012 - the mistake that is told


SWALLOWING = [swallow_all, swallow_base, swallow_in_finally, raise_instead, aswallow_all, aswallow_in_finally]


def swallowing(how: Callable[..., Any], wait: Callable[[Any], Any]) -> Any:
    """A task that swallows what a wait of it raises."""
    once_more = Retries(2, initial="1100ms", jitter=0)

    @task(id="greedy", retries=once_more)
    async def greedy(ctx: TaskContext) -> Any:
        return await how(lambda: wait(ctx.step))

    if asyncio.iscoroutinefunction(how):
        return greedy

    @task(id="sync-greedy", retries=once_more)
    def sync_greedy(ctx: SyncTaskContext) -> Any:
        return how(lambda: wait(ctx.step))

    return sync_greedy


def told_of_swallowing(run: str) -> bool:
    return any("swallowed its suspension" in text for _, text in warnings(run))


@pytest.mark.parametrize("how", SWALLOWING)
def test_a_swallowed_wait_is_told_and_nothing_is_lost(start: StartEngine, how: Callable[..., Any]) -> None:
    greedy = swallowing(how, lambda step: step.wait_for_signal("go"))
    start(PARKED_RUNS=1)
    run = greedy.trigger()
    until(run, "waiting")
    greedy.trigger()  # makes the first one leave the memory
    soon(lambda: told_of_swallowing(run))
    send_signal(run, "go", "gone")
    assert completed(run) == "gone"
    assert steps(run) == {"": ["completed"], "go": ["completed"]}


@pytest.mark.parametrize("how", [swallow_all, raise_instead, aswallow_all])
def test_a_swallowed_backoff_is_told_and_the_step_is_tried_again(start: StartEngine, how: Callable[..., Any]) -> None:
    body = failing(1)
    greedy = swallowing(how, lambda step: step.run("try", body))

    @task()
    async def resting(ctx: TaskContext) -> None:
        await ctx.step.wait_for_signal("never")

    start(PARKED_RUNS=1)
    run = greedy.trigger()
    until(run, "retrying")
    resting.trigger()  # makes the first one leave the memory
    soon(lambda: told_of_swallowing(run))
    assert completed(run) == 2
    assert steps(run)["try"] == ["failed", "completed"]


@pytest.mark.parametrize("how", [swallow_base, raise_instead, aswallow_all])
def test_a_swallowed_cancellation_is_told_and_the_run_is_cancelled(start: StartEngine, how: Callable[..., Any]) -> None:
    gate = Gate()

    def wait(step: Any) -> Any:
        if not asyncio.iscoroutinefunction(how):
            gate.pass_through()
            return step.run("late", lambda: "late")
        return gate.apass_through()

    greedy = swallowing(how, wait)
    host = start()
    run = greedy.trigger()
    gate.reached()
    execution = soon(lambda: host.dispatcher.live[run].execution)
    cancel_run(run)
    soon(lambda: execution._inv.dead)
    gate.open()

    assert ended(run).status == "cancelled"
    soon(lambda: told_of_swallowing(run))


@pytest.mark.parametrize("is_async", [True, False])
def test_a_step_swallowed_while_the_worker_stops_does_not_complete_the_run(start: StartEngine, is_async: bool) -> None:
    gate = Gate()
    how = aswallow_all if is_async else swallow_all
    body = gate.apass_through if is_async else gate.pass_through
    greedy = swallowing(how, lambda step: step.run("work", body))
    host = start()
    run = greedy.trigger()
    gate.reached()
    host.dispatcher.draining = True
    gate.open()

    soon(lambda: run_row(run).status == "queued")
    soon(lambda: told_of_swallowing(run))
    assert steps(run) == {"work": ["completed"]}
