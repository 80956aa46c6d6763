"""A retry that is due before its step hears that its failure is stored."""

import asyncio
import threading
from datetime import timedelta

import pytest

from orchestrator import Retries, TaskContext, task
from orchestrator.engine.host import EngineHost
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.runtime import current
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, steps

pytestmark = pytest.mark.django_db(transaction=True)

SOON = timedelta(milliseconds=20)


def test_a_look_into_the_inbox_that_overtakes_a_failure_does_not_swallow_its_retry(start: StartEngine) -> None:
    """Both are in one batch: the look was asked for first, and finds the retry of the failure due already."""
    hosts: list[EngineHost] = []
    blocked = threading.Event()

    def block(tx: Tx) -> None:
        """The writer is busy until the retry is due."""
        blocked.set()
        threading.Event().wait(SOON.total_seconds() * 5)

    @task(retries=Retries(2, initial=SOON, jitter=0))
    async def stumbling(ctx: TaskContext) -> int:
        async def body() -> int:
            if ctx.step_attempt == 1:
                current().journal.submit(Call(block))
                while not blocked.is_set():  # noqa: ASYNC110 - the writer is a thread
                    await asyncio.sleep(0)
                dispatcher = hosts[0].dispatcher
                dispatcher.drain(dispatcher.live[ctx.run_id])
                await asyncio.sleep(0)  # until it is asked for
                raise ValueError("once")
            return ctx.step_attempt

        return await ctx.step.run("stumble", body)

    hosts.append(start())
    run = stumbling.trigger()
    assert completed(run) == 2
    assert steps(run)["stumble"] == ["failed", "completed"]
