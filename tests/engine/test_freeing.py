"""A run that has ended leaves the memory at once, without the cycle collector."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator import SyncTaskContext, TaskContext, task
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, soon

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("is_async", [True, False])
def test_nothing_of_an_ended_run_holds_itself(start: StartEngine, no_collector: None, is_async: bool) -> None:
    held: list[weakref.ref[Any]] = []

    @task(id="f" if is_async else "other")
    async def busy(ctx: TaskContext) -> list[int]:
        held.append(weakref.ref(ctx._inv))
        await asyncio.gather(*(ctx.step.run("work", asyncio.sleep, 0) for _ in range(3)))
        return await ctx.step.map("each", abs, [-1, -2])

    @task(id="other" if is_async else "f")
    def sync_busy(ctx: SyncTaskContext) -> list[int]:
        held.append(weakref.ref(ctx._inv))
        ctx.step.run("work", abs, -1)
        return ctx.step.map("each", abs, [-1, -2])

    start()
    run = (busy if is_async else sync_busy).trigger()
    assert completed(run) == [1, 2]
    soon(lambda: held[0]() is None)
