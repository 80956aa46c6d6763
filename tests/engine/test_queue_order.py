"""Who is next: the order of a queue holds for functions with limits and without, and nobody overtakes."""

from orchestrator import Concurrency, TaskContext, task
from orchestrator.engine.load import Load
from orchestrator.models import Run
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import completed


def test_a_run_with_a_limit_is_next_when_it_has_waited_longest(start: StartEngine) -> None:
    order: list[str] = []
    gate = Gate()

    @task()
    async def holder(ctx: TaskContext) -> None:
        await ctx.step.run("hold", gate.apass_through)

    @task()
    async def free(ctx: TaskContext) -> None:
        await ctx.step.run("note", lambda: order.append("free"))

    @task(flow=[Concurrency(5)])
    async def limited(ctx: TaskContext) -> None:
        await ctx.step.run("note", lambda: order.append("limited"))

    start(CONCURRENCY=1)
    holder.trigger()
    gate.reached()
    runs = [work.trigger() for work in (*[free] * 5, limited, *[free] * 10, limited)]
    gate.open()
    for run in runs:
        completed(run)
    assert order == ["free"] * 5 + ["limited"] + ["free"] * 10 + ["limited"]


def test_a_run_that_waits_for_room_is_not_overtaken_by_one_that_comes_later(start: StartEngine) -> None:
    gates = [Gate(), Gate()]

    @task()
    async def holder(ctx: TaskContext, n: int) -> None:
        await ctx.step.run("hold", gates[n].apass_through)

    start(CONCURRENCY=1)
    first = holder.trigger(0)
    gates[0].reached()
    second, third = holder.trigger(1), holder.trigger(0)
    gates[0].open()
    gates[1].reached()
    assert Run.objects.get(id=third).status == "queued"
    gates[1].open()
    for run in (first, second, third):
        completed(run)


def test_room_is_nobodys_until_all_were_looked_at_that_found_none() -> None:
    load = Load(1)
    assert load.reserve()
    assert not load.reserve()
    refused = load.refused
    load.cancel()
    assert not load.reserve()
    load.looked_at(refused)
    assert load.reserve()
