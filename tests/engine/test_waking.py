"""Runs that are claimed ahead of the end of their sleep go on at their moment, not before it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator import Concurrency, TaskContext, task
from orchestrator.engine import waking
from orchestrator.engine.cancel import cancel_run
from orchestrator.engine.signals import send_signal
from tests.engine.conftest import StartEngine
from tests.engine.reading import attempts, completed, ended, journal, kinds, run_row, soon, steps, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are claimed as soon as they sleep."""
    monkeypatch.setattr(waking, "LEAD", timedelta(hours=1))
    monkeypatch.setattr(waking, "WINDOW", timedelta(hours=2))


def _sleeper(nap: str) -> Callable[[], str]:
    @task()
    async def sleepy(ctx: TaskContext) -> str:
        await ctx.step.sleep("nap", nap)
        return datetime.now(UTC).isoformat()

    return sleepy.trigger


def _nap(run: str) -> tuple[datetime, datetime]:
    """When it was to be over, and when it was."""
    [nap] = [attempt for attempt in attempts(run) if attempt.key == "nap"]
    assert nap.ended_at is not None
    return datetime.fromisoformat(nap.detail["until"]), nap.ended_at


def _asleep(run: str) -> None:
    """It is held by an engine again, and sleeps all the same."""
    soon(lambda: "run.resumed" in kinds(run))
    row = run_row(run)
    assert (row.status, row.owner is None) == ("running", False)


def test_a_sleep_ends_at_its_moment_in_the_history_and_its_run_goes_on_then(start: StartEngine) -> None:
    trigger = _sleeper("300ms")
    start()
    run = trigger()

    woke = datetime.fromisoformat(completed(run))
    due, over = _nap(run)
    assert over == due
    assert woke >= due
    [resumed] = [entry for entry in journal(run) if entry.kind == "run.resumed"]
    assert resumed.at == due


@pytest.mark.usefixtures("early")
def test_a_run_that_is_held_ahead_does_not_wake_before_its_moment(start: StartEngine) -> None:
    trigger = _sleeper("1s")
    start()
    run = trigger()
    _asleep(run)

    woke = datetime.fromisoformat(completed(run))
    due, over = _nap(run)
    assert over == due <= woke


@pytest.mark.usefixtures("early")
def test_a_run_that_is_held_ahead_is_cancelled_at_once(start: StartEngine) -> None:
    trigger = _sleeper("30m")
    start()
    run = trigger()
    _asleep(run)

    cancel_run(run)
    assert ended(run).status == "cancelled"


@pytest.mark.usefixtures("early")
def test_a_signal_meanwhile_is_kept_and_wakes_nobody(start: StartEngine) -> None:
    @task()
    async def sleepy(ctx: TaskContext) -> list[object]:
        await ctx.step.sleep("nap", "1s")
        woke = datetime.now(UTC).isoformat()
        return [woke, await ctx.step.wait_for_signal("word", "word")]

    start()
    run = sleepy.trigger()
    _asleep(run)
    send_signal(run, "word", "hello")

    woke, word = completed(run)
    assert word == "hello"
    assert datetime.fromisoformat(woke) >= _nap(run)[0]


@pytest.mark.usefixtures("early")
def test_a_run_that_waits_for_more_than_its_sleep_is_not_claimed_ahead(start: StartEngine) -> None:
    @task()
    async def either(ctx: TaskContext) -> object:
        word = ctx.step.wait_for_signal("word", "word", timeout="1h")
        _, said = await asyncio.gather(ctx.step.sleep("nap", "400ms"), word)
        return said

    start()
    run = either.trigger()
    until(run, "sleeping")
    until(run, "waiting")  # the sleep is over
    due, over = _nap(run)
    assert over > due
    send_signal(run, "word", "hello")
    assert completed(run) == "hello"


@pytest.mark.usefixtures("early")
def test_of_two_sleeps_the_second_is_settled_when_it_is_due(start: StartEngine) -> None:
    @task()
    async def twice(ctx: TaskContext) -> None:
        async def first() -> None:
            await ctx.step.sleep("nap", "300ms")
            await ctx.step.run("between", lambda: None)

        await asyncio.gather(first(), ctx.step.sleep("long nap", "700ms"))

    start()
    run = twice.trigger()
    assert completed(run) is None
    ends = [entry.key for entry in journal(run) if entry.kind == "step.completed"]
    assert ends == ["nap", "between", "long nap"]


@pytest.mark.usefixtures("early")
def test_while_it_sleeps_a_run_holds_no_place_of_a_limit(start: StartEngine) -> None:
    @task(flow=[Concurrency(1)])
    async def one_at_a_time(ctx: TaskContext, sleeps: bool) -> None:
        if sleeps:
            await ctx.step.sleep("nap", "1h")

    start()
    sleeps = one_at_a_time.trigger(sleeps=True)
    until(sleeps, "sleeping")
    assert completed(one_at_a_time.trigger(sleeps=False)) is None
    assert run_row(sleeps).status == "sleeping"


@pytest.mark.usefixtures("early")
def test_what_is_given_back_in_its_sleep_sleeps_on_elsewhere(start: StartEngine) -> None:
    trigger = _sleeper("3s")
    start()
    run = trigger()
    _asleep(run)
    start.drain(timeout_seconds=0.0)
    row = run_row(run)
    assert (row.status, row.owner, row.lost) == ("sleeping", None, 0)
    assert row.due_at == _nap(run)[0]

    start()
    woke = datetime.fromisoformat(completed(run))
    assert woke >= row.due_at
    assert steps(run)["nap"] == ["completed"]
