"""An engine that was drained leaves no task behind: what it abandons is cancelled and awaited."""

import asyncio
from contextlib import suppress
from threading import Event

import pytest

from orchestrator import TaskContext, task
from orchestrator.engine import unwinding
from orchestrator.models import Run
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import soon, until

pytestmark = pytest.mark.django_db(transaction=True)


def pending(loop: asyncio.AbstractEventLoop) -> list[str]:
    return [repr(each) for each in asyncio.all_tasks(loop) if not each.done()]


def test_a_run_that_rests_in_memory_is_unwound(start: StartEngine) -> None:
    cleaned_up: list[str] = []

    @task()
    async def nap(ctx: TaskContext) -> None:
        try:
            await ctx.step.sleep("rest", "1h")
        finally:
            cleaned_up.append("nap")

    host = start()
    until(nap.trigger(), "sleeping")
    soon(lambda: host.dispatcher.parked)
    start.drain()
    assert not pending(host.loop)
    assert cleaned_up == ["nap"]
    assert [run.status for run in Run.objects.all()] == ["sleeping"], "in the database it rests as before"


def test_branches_that_rest_beside_one_that_runs_are_unwound(start: StartEngine) -> None:
    gate = Gate()

    @task()
    async def both(ctx: TaskContext) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step.sleep("rest", "1h"))
            group.create_task(ctx.step.run("hold", gate.apass_through))

    host = start()
    both.trigger()
    gate.reached()
    start.drain(0.1)
    gate.open()
    assert not pending(host.loop)


def test_code_that_lingers_over_its_end_is_waited_for(start: StartEngine) -> None:
    came = Event()

    @task()
    async def stubborn(ctx: TaskContext) -> None:
        async def hold() -> None:
            came.set()
            for _ in range(3):
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()

        await ctx.step.run("hold", hold)

    host = start()
    stubborn.trigger()
    assert came.wait(30)
    start.drain(0.1)
    assert not pending(host.loop)


async def test_code_that_never_ends_is_told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unwinding, "GRACE_SECONDS", 0.01)
    monkeypatch.setattr(unwinding, "INSISTING_SECONDS", 0.1)
    may_end = asyncio.Event()

    async def hold() -> None:
        while not may_end.is_set():
            with suppress(asyncio.CancelledError):
                await may_end.wait()

    deaf = asyncio.ensure_future(hold())
    await unwinding._end_tasks()
    assert "engine.code_goes_on" in caplog.messages
    may_end.set()
    await deaf
