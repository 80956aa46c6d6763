"""Pinned runs stay with the version of the code that they began with."""

from orchestrator import TaskContext, task
from orchestrator.engine.signals import send_signal
from orchestrator.engine.versions import move_to_latest
from orchestrator.models import Audit, Run, Worker
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, kinds, until


def test_a_pinned_run_waits_for_its_version_until_it_is_moved_to_the_latest(start: StartEngine) -> None:
    @task(pinned=True)
    async def pinned(ctx: TaskContext) -> str:
        return str(await ctx.step.wait_for_signal("go"))

    @task()
    async def moving(ctx: TaskContext) -> str:
        return str(await ctx.step.wait_for_signal("go"))

    start(VERSION="blue")
    stays, moves = pinned.trigger(), moving.trigger()
    other = pinned.trigger()
    for run in (stays, moves, other):
        until(run, "waiting")
    start.drain()

    start(VERSION="green")
    assert Worker.objects.get().version == "green"
    for run in (stays, moves, other):
        send_signal(run, "go", "on")
    assert completed(moves) == "on"
    assert Run.objects.get(id=stays).version == "blue"
    move_to_latest(other, actor="ann", reason="blue is gone")
    assert completed(other) == "on"
    assert "run.unpinned" in kinds(other)
    assert Audit.objects.get(action="run.unpin").before == {"version": "blue"}
    assert Run.objects.get(id=stays).status == "waiting"
    start.drain()

    start(VERSION="blue")
    assert completed(stays) == "on"
