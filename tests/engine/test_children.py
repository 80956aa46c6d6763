"""Child runs: invoked, mapped, triggered; their ends wake their parents, their parents' ends cancel them."""

import asyncio
from typing import Any

import pytest

from orchestrator import NonRetriableError, StepError, SyncTaskContext, TaskContext, task
from orchestrator.engine.cancel import cancel_run, terminate_run
from orchestrator.engine.signals import send_signal
from orchestrator.models import Run
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import (
    attempts,
    children,
    completed,
    ended,
    error,
    kinds,
    leftovers,
    run_row,
    soon,
    steps,
    until,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_child_answers_its_parent(start: StartEngine) -> None:
    @task()
    async def child(ctx: TaskContext, n: int) -> int:
        return await ctx.step.run("double", lambda: 2 * n)

    @task()
    async def parent(ctx: TaskContext) -> list[int]:
        return list(await asyncio.gather(*(child.trigger_and_wait(n) for n in range(5))))

    start()
    run = parent.trigger()

    assert completed(run) == [0, 2, 4, 6, 8]
    for row in children(run):
        assert (row.parent, row.root, row.trigger) == (run, run, "invoke")
        assert row.status == "completed"
    details = [attempt.detail for attempt in attempts(run) if attempt.op == "invoke"]
    assert sorted(detail["run"] for detail in details) == [row.id for row in children(run)]
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}


def test_a_parent_that_was_dropped_from_memory_is_woken_by_its_childs_end(start: StartEngine) -> None:
    gate = Gate()

    @task()
    async def child(ctx: TaskContext) -> str:
        await ctx.step.run("wait", gate.apass_through)
        return "done"

    @task()
    async def parent(ctx: TaskContext) -> str:
        return await child.trigger_and_wait()

    host = start(PARKED_RUNS=1)
    run = parent.trigger()
    gate.reached()
    until(run, "waiting")
    host.loop.call_soon_threadsafe(lambda: [parked.lose() for parked in list(host.dispatcher.parked.values())])
    soon(lambda: not host.dispatcher.parked)
    gate.open()

    assert completed(run) == "done"


def test_a_childs_failure_is_a_step_error_of_its_parent(start: StartEngine) -> None:
    @task(retries=0)
    async def child(ctx: TaskContext) -> None:
        raise NonRetriableError("broken")

    @task()
    async def parent(ctx: TaskContext) -> str:
        try:
            await ctx.step.invoke("call", child)
        except StepError as failure:
            return str(failure)
        return "?"

    start()
    run = parent.trigger()

    assert "broken" in completed(run)
    assert steps(run)["call"] == ["failed"]


def test_a_cancelled_child_fails_the_step_of_its_parent(start: StartEngine) -> None:
    @task()
    async def child(ctx: TaskContext) -> None:
        await ctx.step.sleep("long", "1h")

    @task()
    async def parent(ctx: TaskContext) -> str:
        try:
            await ctx.step.invoke("call", child)
        except StepError as failure:
            return failure.name
        return "?"

    start()
    run = parent.trigger()
    [row] = soon(lambda: children(run))
    cancel_run(row.id)

    assert completed(run) == "RunCancelled"


@pytest.mark.parametrize("end", [cancel_run, terminate_run])
def test_the_end_of_a_parent_cancels_its_children(start: StartEngine, end: Any) -> None:
    @task()
    async def grandchild(ctx: TaskContext) -> None:
        await ctx.step.sleep("long", "1h")

    @task()
    async def child(ctx: TaskContext) -> None:
        await grandchild.trigger_and_wait()

    @task()
    async def parent(ctx: TaskContext) -> None:
        await asyncio.gather(child.trigger_and_wait(), ctx.step.sleep("long", "1h"))

    start()
    run = parent.trigger()
    soon(lambda: Run.objects.filter(function="grandchild", status="sleeping").exists())
    end(run, actor="Alice", reason="enough")

    assert ended(run).status == "cancelled"
    for row in Run.objects.exclude(id=run):
        assert ended(row.id).status == "cancelled"
    soon(lambda: leftovers() == {"inbox": 0, "wait": 0, "mail": 0})


def test_a_child_that_begins_as_its_parent_fails_is_cancelled_too(start: StartEngine) -> None:
    @task()
    async def child(ctx: TaskContext) -> None:
        await ctx.step.sleep("long", "1h")

    @task(retries=0)
    async def parent(ctx: TaskContext, hops: int) -> None:
        waiting = asyncio.ensure_future(child.trigger_and_wait())
        for _ in range(hops):
            await asyncio.sleep(0)
        waiting.add_done_callback(lambda _: None)
        raise RuntimeError("never mind")

    start()
    runs = [parent.trigger(hops) for hops in range(12)]
    for run in runs:
        assert ended(run).status == "failed"
        for row in children(run):
            assert ended(row.id).status == "cancelled"
        assert set(steps(run).get("child", ["cancelled"])) == {"cancelled"}
    soon(lambda: leftovers() == {"inbox": 0, "wait": 0, "mail": 0})


def test_a_triggered_run_is_not_waited_for_and_outlives_its_parent(start: StartEngine) -> None:
    @task()
    async def later(ctx: TaskContext) -> Any:
        return await ctx.step.wait_for_signal("go")

    @task()
    async def parent(ctx: TaskContext) -> str:
        return await later.atrigger()

    @task()
    def sync_parent(ctx: SyncTaskContext) -> str:
        return later.trigger()

    start()
    for starter in (parent, sync_parent):
        run = completed(starter.trigger())
        until(run, "waiting")
        send_signal(run, "go", 1)
        assert completed(run) == 1


@pytest.mark.parametrize("concurrency", [None, 2])
def test_map_over_a_function_keeps_order_and_concurrency(start: StartEngine, concurrency: int | None) -> None:
    running: list[int] = []
    most: list[int] = []
    full = asyncio.Event()

    async def body(n: int) -> int:
        running.append(n)
        most.append(len(running))
        if len(running) == (concurrency or 8):
            full.set()
        await full.wait()
        running.remove(n)
        return n * n

    @task()
    async def mapping(ctx: TaskContext) -> list[int]:
        return await ctx.step.map("square", body, range(8), concurrency=concurrency)

    start()
    run = mapping.trigger()

    assert completed(run) == [n * n for n in range(8)]
    assert max(most) == (concurrency or 8)
    assert set(steps(run)) == {"", "square", *(f"square:{n}" for n in range(1, 8))}


@pytest.mark.parametrize("is_async", [True, False])
def test_map_over_a_task_starts_a_child_for_each_item(start: StartEngine, is_async: bool) -> None:
    started: list[int] = []
    gate = Gate()

    @task()
    async def child(ctx: TaskContext, n: int) -> int:
        started.append(n)
        await ctx.step.run("wait", gate.apass_through)
        return n * n

    @task(id="mapping")
    async def mapping(ctx: TaskContext) -> list[int]:
        return await ctx.step.map("square", child, range(6), concurrency=2)

    @task(id="sync-mapping")
    def sync_mapping(ctx: SyncTaskContext) -> list[int]:
        return ctx.step.map("square", child, range(6), concurrency=2)

    start()
    run = (mapping if is_async else sync_mapping).trigger()
    gate.reached()
    soon(lambda: len(started) == 2)
    assert len(children(run)) == 2
    gate.open()

    assert completed(run) == [n * n for n in range(6)]
    assert sorted(started) == list(range(6))


def test_a_map_whose_child_fails_raises_when_all_have_ended(start: StartEngine) -> None:
    @task(retries=0)
    async def child(ctx: TaskContext, n: int) -> int:
        if n == 1:
            raise NonRetriableError("one")
        return n

    @task()
    def mapping(ctx: SyncTaskContext) -> str:
        try:
            ctx.step.map("each", child, range(4), concurrency=1)
        except StepError as failure:
            return str(failure)
        return "?"

    start()
    run = mapping.trigger()

    assert "one" in completed(run)
    assert len(children(run)) == 4


def test_many_children_join_in_one_process_without_a_claim_for_each(start: StartEngine) -> None:
    @task()
    async def child(ctx: TaskContext, n: int) -> int:
        return n

    @task()
    async def parent(ctx: TaskContext) -> int:
        return sum(await asyncio.gather(*(child.trigger_and_wait(n) for n in range(200))))

    start()
    run = parent.trigger()

    assert completed(run) == sum(range(200))
    assert kinds(run).count("run.resumed") <= 2
    assert run_row(run).fence <= 3


def test_invoking_a_function_that_nobody_registered_fails_the_run(start: StartEngine) -> None:
    @task()
    async def parent(ctx: TaskContext) -> None:
        await ghost.trigger_and_wait()

    start()

    @task()
    async def ghost(ctx: TaskContext) -> None: ...

    run = parent.trigger()
    assert ended(run).status == "failed"
    assert "no function 'ghost' is registered" in (error(run) or {})["message"]
