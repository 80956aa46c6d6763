"""Delay: a function starts its runs a while after what they are for."""

from datetime import timedelta
from typing import Any

import pytest

from orchestrator import Batch, Context, Debounce, Delay, TaskContext, Timeouts, function, task
from orchestrator.core.errors import InvalidFunction
from orchestrator.core.flow import Flow
from tests.engine.conftest import Begin


def test_a_run_starts_that_long_after_its_event(begin: Begin) -> None:
    @function("cart/left", flow=[Delay("1h")])
    async def remind(ctx: Context[Any]) -> str:
        return str(ctx.event.data["user"])

    harness = begin()
    [run] = harness.send("cart/left", {"user": "ada"})
    assert run.status == "delayed"
    harness.advance("59m")
    assert run.status == "delayed"
    harness.advance("1m")
    assert run.output == "ada"


def test_a_call_is_put_off_too_but_a_child_that_its_parent_waits_for_is_not(begin: Begin) -> None:
    @task(flow=[Delay("1h")])
    async def late(ctx: TaskContext) -> str:
        return "done"

    @task()
    async def parent(ctx: TaskContext) -> str:
        return await late.trigger_and_wait()

    harness = begin()
    called = harness.trigger(late)
    assert called.status == "delayed"
    assert harness.trigger(parent).output == "done"
    harness.advance("1h")
    assert called.output == "done"


def test_a_debounced_run_starts_at_the_later_of_both(begin: Begin) -> None:
    @function("page/saved", flow=[Debounce("30s"), Delay("10m")])
    async def publish(ctx: Context[Any]) -> int:
        return int(ctx.event.data["version"])

    harness = begin()
    [run] = harness.send("page/saved", {"version": 1})
    harness.advance("20s")
    harness.send("page/saved", {"version": 2})
    harness.advance("9m")
    assert run.status == "delayed"
    harness.advance("1m")
    assert run.output == 2


def test_the_time_to_start_counts_from_when_it_may(begin: Begin) -> None:
    @task(flow=[Delay("1h"), Timeouts(start="10m")])
    async def late(ctx: TaskContext) -> str:
        return "done"

    harness = begin()
    run = harness.trigger(late)
    harness.advance("1h")
    assert run.output == "done"


def test_a_batch_has_its_own_time_and_no_delay() -> None:
    with pytest.raises(InvalidFunction, match="Batch and a Delay"):
        Flow.of([Batch(10, "1m"), Delay("1h")])


def test_what_is_declared_is_read_back_from_the_catalog() -> None:
    flow = Flow.of([Delay(timedelta(minutes=5))])
    assert Flow.from_json(flow.to_json()) == flow
