"""Warnings for authors: rows of the run's log, each kind once a step in one execution, with the way out."""

import asyncio
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from orchestrator import SyncTaskContext, TaskContext, task
from orchestrator.engine import transactions
from orchestrator.engine.signals import send_signal
from orchestrator.executors import outside
from orchestrator.sdk import branches
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import completed, run_row, soon, until, warnings

pytestmark = pytest.mark.django_db(transaction=True)


# Awaiting outside steps


@pytest.fixture
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks often, and calls every await long that it sees twice."""
    monkeypatch.setattr(outside, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(outside, "LONG_SECONDS", 0.0)


def test_an_await_outside_steps_is_told_while_it_lasts(start: StartEngine, watchful: None) -> None:
    gate = Gate()

    @task()
    async def polling(ctx: TaskContext) -> str:
        await ctx.step.run("before", lambda: None)
        await gate.apass_through()
        return "done"

    start()
    run = polling.trigger()
    [(step, text)] = soon(lambda: warnings(run))
    assert run_row(run).status == "running"
    gate.open()

    assert completed(run) == "done"
    assert len(warnings(run)) == 1
    assert step == ""
    assert text.startswith("apass_through (gates.py:")
    assert "Put it into ctx.step.run(...), or wait by ctx.step.sleep(...)" in text


def test_a_loop_of_short_awaits_is_told_too(start: StartEngine, watchful: None) -> None:
    found = threading.Event()

    @task()
    async def polling(ctx: TaskContext) -> str:
        while not found.is_set():
            await asyncio.to_thread(found.wait, 0.001)
        return "found"

    start()
    run = polling.trigger()
    soon(lambda: warnings(run))
    found.set()
    assert completed(run) == "found"
    assert "polling (test_warnings.py:" in warnings(run)[0][1]


def test_branches_that_wait_for_each_other_while_a_body_runs_are_no_fault(start: StartEngine, watchful: None) -> None:
    gate = Gate()
    looked: list[bool] = []

    @task()
    async def feeding(ctx: TaskContext) -> list[str]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        fed = asyncio.Event()
        lock = asyncio.Lock()

        async def feed() -> None:
            async with lock:
                queue.put_nowait(await ctx.step.run("work", body))
                fed.set()

        async def body() -> str:
            async with asyncio.TaskGroup() as group:
                group.create_task(gate.apass_through())
            return "made"

        async def take() -> str:
            await fed.wait()
            async with lock:
                return await queue.get()

        async with asyncio.TaskGroup() as group:
            group.create_task(feed())
            taken = group.create_task(take())
            got = group.create_task(queue.get())
            await asyncio.sleep(0)
            queue.put_nowait("first")
        return [taken.result(), got.result()]

    def look() -> None:
        for live in host.dispatcher.live.values():
            live.execution._watch._looks[live.execution._inv].warn()  # type: ignore[union-attr]
        looked.append(True)

    host = start()
    run = feeding.trigger()
    gate.reached()
    for _ in range(5):
        host.loop.call_soon_threadsafe(look)
    soon(lambda: len(looked) == 5)
    gate.open()

    assert completed(run) == ["made", "first"]
    assert warnings(run) == []


def test_a_run_that_rests_in_steps_is_told_nothing(start: StartEngine, watchful: None) -> None:
    @task()
    async def resting(ctx: TaskContext) -> list[Any]:
        return list(await asyncio.gather(ctx.step.wait_for_signal("a"), ctx.step.wait_for_signal("b")))

    start()
    run = resting.trigger()
    until(run, "waiting")
    send_signal(run, "a", 1)
    send_signal(run, "b", 2)
    assert completed(run) == [1, 2]
    assert warnings(run) == []


# Blocking the loop


@pytest.mark.parametrize("where", ["body", "function", "function before a step"])
def test_async_code_that_blocks_the_process_is_told(
    start: StartEngine, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(branches, "BLOCKED_SECONDS", 0.02)

    async def block() -> None:
        threading.Event().wait(0.03)
        await asyncio.sleep(0)

    @task()
    async def blocking(ctx: TaskContext) -> None:
        if where == "body":
            await ctx.step.run("block", block)
        elif where == "function":
            await block()
        else:
            threading.Event().wait(0.03)
            await ctx.step.run("block", lambda: None)

    start()
    run = blocking.trigger()
    completed(run)
    text = dict(warnings(run))["block" if where == "body" else ""]
    name = "blocking" if where == "function before a step" else "block"
    assert f" s before {name} (test_warnings.py:" in text
    assert "all runs of the process stood still. Make the step's body a plain def" in text


# The write lock of SQLite


@pytest.mark.parametrize("is_async", [True, False])
def test_a_transaction_that_holds_the_write_lock_of_sqlite_for_long_is_told(
    start: StartEngine, monkeypatch: pytest.MonkeyPatch, is_async: bool
) -> None:
    monkeypatch.setattr(transactions, "SLOW_SECONDS", 0.0)

    def save() -> int:
        return User.objects.create(username="ada").pk

    @task(id="saving" if is_async else "other")
    async def saving(ctx: TaskContext) -> int:
        return await ctx.step.transaction("save", save)

    @task(id="other" if is_async else "saving")
    def sync_saving(ctx: SyncTaskContext) -> int:
        return ctx.step.transaction("save", save)

    start()
    run = (saving if is_async else sync_saving).trigger()
    assert completed(run) == User.objects.get().pk
    if connection.vendor == "sqlite":
        [(step, text)] = warnings(run)
        assert step == "save"
        assert text.startswith("step.transaction 'save' held SQLite's only write lock for ")
    else:
        assert warnings(run) == []


def test_a_short_transaction_is_told_nothing(start: StartEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "SLOW_SECONDS", 5.0)

    @task()
    async def saving(ctx: TaskContext) -> int:
        return await ctx.step.transaction("count", User.objects.count)

    start()
    run = saving.trigger()
    completed(run)
    assert warnings(run) == []


# Steps that are not awaited


def test_a_step_that_is_never_awaited_is_told_instead_of_forgotten(start: StartEngine) -> None:
    ran: list[str] = []

    @task()
    async def hasty(ctx: TaskContext) -> str:
        ctx.step.run("mail", lambda: ran.append("mail"))  # type: ignore[unused-coroutine]
        await asyncio.gather(*(ctx.step.run("page", ran.append, str(n)) for n in range(200)))
        return "done"

    start()
    run = hasty.trigger()
    assert completed(run) == "done"
    assert "mail" not in ran
    assert warnings(run) == [("mail", "step 'mail' was never awaited, so it did not run: write `await` before it")]
