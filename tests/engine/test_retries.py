"""Failures: what is tried again, when, and what is given up."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from orchestrator import Context, NonRetriableError, Retries, RetryAfter, StepError, TaskContext, function, send, task
from orchestrator.engine.signals import send_signal
from orchestrator.models import Event, Run
from tests.engine.conftest import StartEngine
from tests.engine.reading import (
    attempts,
    completed,
    ended,
    error,
    event_row,
    journal,
    kinds,
    leftovers,
    run_row,
    soon,
    steps,
)

pytestmark = pytest.mark.django_db(transaction=True)

QUICK = Retries(4, initial="10ms", jitter=0)


def failing(times: int, make: Callable[[], Exception] = lambda: RuntimeError("not yet")) -> Callable[[], int]:
    """A body that fails so often before it answers how often it was called."""
    calls: list[int] = []

    def body() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise make()
        return len(calls)

    return body


def test_a_failing_step_is_tried_again_alone_with_a_row_for_each_attempt(start: StartEngine) -> None:
    calls: list[str] = []

    @task(retries=QUICK)
    async def flaky(ctx: TaskContext) -> int:
        await ctx.step.run("before", lambda: calls.append("before"))
        return await ctx.step.run("flaky", failing(2))

    start()
    run = flaky.trigger()

    assert completed(run) == 3
    assert calls == ["before"]
    assert steps(run)["flaky"] == ["failed", "failed", "completed"]
    assert kinds(run).count("step.retrying") == 2
    tries = [attempt for attempt in attempts(run) if attempt.key == "flaky"]
    assert all("not yet" in attempt.error["traceback"] for attempt in tries[:2])
    assert all(attempt.detail["retry_at"] for attempt in tries[:2])
    assert leftovers()["wait"] == 0


def test_a_backoff_longer_than_a_second_is_waited_for_in_the_database(start: StartEngine) -> None:
    @task(retries=Retries(2, initial="1600ms", jitter=0))
    async def patient(ctx: TaskContext) -> int:
        return await ctx.step.run("slow", failing(1))

    start()
    run = patient.trigger()

    soon(lambda: run_row(run).status == "retrying")
    assert run_row(run).owner is None
    assert completed(run) == 2
    first, second = [attempt for attempt in attempts(run) if attempt.key == "slow"]
    assert second.started_at - first.ended_at >= timedelta(seconds=1.6)


def test_the_last_attempt_gives_a_step_error_that_the_function_can_catch(start: StartEngine) -> None:
    @task(retries=QUICK)
    async def catching(ctx: TaskContext) -> list[str]:
        try:
            await ctx.step.run("never", failing(9, lambda: KeyError("gone")))
        except StepError as failure:
            return [failure.name, failure.step]
        return []

    start()
    run = catching.trigger()

    assert completed(run) == ["KeyError", "never"]
    assert steps(run)["never"] == ["failed"] * 4


def test_a_step_error_that_nobody_catches_fails_the_run_without_trying_the_function_again(start: StartEngine) -> None:
    @task(retries=QUICK)
    async def careless(ctx: TaskContext) -> None:
        await ctx.step.run("never", failing(9))

    start()
    run = careless.trigger()

    assert ended(run).status == "failed"
    assert steps(run) == {"": ["failed"], "never": ["failed"] * 4}
    assert (error(run) or {})["type"] == "RuntimeError"


def test_a_non_retriable_error_is_not_tried_again(start: StartEngine) -> None:
    @task(retries=QUICK)
    async def hopeless(ctx: TaskContext) -> None:
        await ctx.step.run("no", failing(9, lambda: NonRetriableError("card was declined")))

    start()
    run = hopeless.trigger()

    assert ended(run).status == "failed"
    assert steps(run)["no"] == ["failed"]
    assert "card was declined" in (error(run) or {})["message"]


def test_retry_after_says_when_the_next_attempt_comes(start: StartEngine) -> None:
    @task(retries=Retries(2, initial="1h"))
    async def limited(ctx: TaskContext) -> int:
        return await ctx.step.run("limited", failing(1, lambda: RetryAfter("slow down", "50ms")))

    start()
    run = limited.trigger()

    assert completed(run) == 2
    first, second = [attempt for attempt in attempts(run) if attempt.key == "limited"]
    assert timedelta(milliseconds=50) <= second.started_at - first.ended_at < timedelta(seconds=5)


def test_a_policy_of_one_step_replaces_that_of_the_function(start: StartEngine) -> None:
    @task(retries=0)
    async def mixed(ctx: TaskContext) -> int:
        return await ctx.step.with_retries(QUICK).run("own", failing(1))

    start()
    assert completed(mixed.trigger()) == 2


def test_a_function_that_raises_outside_its_steps_is_tried_again_with_its_memos(start: StartEngine) -> None:
    calls: list[str] = []
    outside = failing(2)

    @task(retries=QUICK)
    async def unlucky(ctx: TaskContext) -> list[int]:
        await ctx.step.run("once", lambda: calls.append("once"))
        return [ctx.attempt, outside()]

    start()
    run = unlucky.trigger()

    assert completed(run) == [3, 3]
    assert calls == ["once"]
    assert steps(run) == {"": ["failed", "failed", "completed"], "once": ["completed"]}
    assert kinds(run).count("run.retrying") == 2
    assert leftovers()["wait"] == 0


def test_on_failure_runs_once_with_the_run_and_its_error(start: StartEngine) -> None:
    told: list[Any] = []

    @function(on="order/placed", retries=0)
    async def charge(ctx: Context[Any]) -> None:
        raise NonRetriableError("no money")

    @charge.on_failure
    async def refund(ctx: Context[Any]) -> None:
        told.append(ctx.event.data)

    @function(on="order/placed")
    async def ship(ctx: Context[Any]) -> str:
        return "shipped"

    start()
    sent = send("order/placed", {"order": 1})
    soon(lambda: told)

    failed = Run.objects.get(function="charge")
    handler = Run.objects.get(function="charge/on-failure")
    assert completed(handler.id) is None
    [data] = told
    assert (data.function_id, data.run_id, data.error.message) == ("charge", failed.id, "no money")
    assert handler.trigger == "failure"
    assert event_row(sent).skipped is None
    assert Event.objects.filter(name="signalbox/function.failed").count() == 1


def test_a_failure_that_nobody_handles_sends_no_event(start: StartEngine) -> None:
    @task(retries=0)
    async def lonely(ctx: TaskContext) -> None:
        raise ValueError("alone")

    start()
    assert ended(lonely.trigger()).status == "failed"
    assert not Event.objects.exists()


def test_a_signal_during_the_functions_backoff_does_not_cut_it_short(start: StartEngine) -> None:
    began: list[int] = []

    @task(retries=Retries(2, initial="1200ms", jitter=0))
    async def unlucky(ctx: TaskContext) -> Any:
        began.append(ctx.attempt)
        if ctx.attempt == 1:
            raise RuntimeError("again, please")
        return await ctx.step.wait_for_signal("news")

    start()
    run = unlucky.trigger()
    soon(lambda: run_row(run).status == "retrying")
    send_signal(run, "news", "early")

    assert completed(run) == "early"
    first, second = (entry.at for entry in journal(run) if entry.kind in ("run.retrying", "run.resumed"))
    assert second - first > timedelta(seconds=1.1)
