"""Functions whose every body leaves a line ``run step attempt pid`` before it answers, so that a repeat shows."""

import asyncio
import os
from pathlib import Path
from typing import Any

from orchestrator import Context, Retries, SyncContext, TaskContext, function, task
from orchestrator.sdk.scope import CURRENT
from tests.chaos.bank.models import Booking
from tests.eventually import eventually

WITNESS = Path(os.environ.get("CHAOS_WITNESS", os.devnull))
GATE = Path(os.environ.get("CHAOS_GATE", os.devnull))


def testify() -> None:
    scope = CURRENT.get()
    assert scope is not None
    line = f"{scope.invocation.request.run_id} {scope.step} {scope.attempt} {os.getpid()}\n"
    witness = os.open(WITNESS, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    try:
        os.write(witness, line.encode())
        os.fsync(witness)
    finally:
        os.close(witness)


def answer(value: int) -> int:
    testify()
    return value


async def answer_later(value: int) -> int:
    await asyncio.to_thread(testify)
    return value


@task()
async def carry(ctx: TaskContext, value: int) -> int:
    return await ctx.step.run("carry", answer_later, value)


@function("errand/asked")
async def errand(ctx: Context[Any]) -> int:
    step = ctx.step
    total = await step.run("fetch", answer_later, 1)
    total += await step.run("parse", answer, 2)
    await step.sleep("rest", "100ms")
    total += sum(await asyncio.gather(step.run("left", answer_later, 3), step.run("right", answer, 4)))
    total += await step.invoke("child", carry, 5)
    return total + await step.run("last", answer_later, 6)


@function("errand/asked-in-threads")
def errand_in_threads(ctx: SyncContext[Any]) -> int:
    step = ctx.step
    total = step.run("fetch", answer, 1) + step.run("parse", answer, 2)
    step.sleep("rest", "100ms")
    total += sum(step.parallel(lambda: step.run("left", answer, 3), lambda: step.run("right", answer, 4)))
    total += step.invoke("child", carry, 5)
    return total + step.run("last", answer, 6)


def enter(run: str, step: str) -> str:
    Booking.objects.create(run=run, step=step)
    return step


@function("bookings/asked", retries=Retries(20, initial="100ms", max_interval="500ms"))
async def book(ctx: Context[Any]) -> list[str]:
    """Branches that book, each beside others that only commit."""

    async def branch(n: int) -> str:
        booked = await ctx.step.transaction(f"book-{n}", enter, ctx.run_id, f"book-{n}")
        await ctx.step.run(f"note-{n}", answer_later, n)
        return booked

    return list(await asyncio.gather(*(branch(n) for n in range(6))))


def wait_at_the_gate() -> str:
    testify()
    eventually(GATE.exists, within_seconds=60)
    return "through"


@function("vigil/asked")
def vigil(ctx: SyncContext[Any]) -> int:
    """A body that lasts until the gate opens, then a wait that lasts until the end is told."""
    ctx.step.run("watch", wait_at_the_gate)
    ctx.step.wait_for_event("end", "vigil/over")
    return ctx.step.run("last", answer, 1)


@function("parade/asked")
async def parade(ctx: Context[Any]) -> int:
    """As many changes as asked, one after the other, once it is told to go; names as long as they come."""
    await ctx.step.wait_for_signal("go")
    for n in range(ctx.event.data["steps"]):
        await ctx.step.run(f"{n:0>180}", int, n)
    await ctx.step.wait_for_signal("halt")
    return 0


def leave_at_once() -> None:
    testify()
    os._exit(1)


@function("murder/asked")
async def murder(ctx: Context[Any]) -> int:
    """A step that takes its process with it, every time."""
    await ctx.step.sleep("aim", "300ms")  # who asked gets the answer first
    await ctx.step.run("kill", leave_at_once)
    return await ctx.step.run("flee", answer_later, 2)


@murder.on_failure
async def mourn(ctx: Context[Any]) -> str:
    return str(ctx.event.data.error.message)


@function("march/asked", machine="small-1x")
async def march(ctx: Context[Any]) -> list[Any]:
    """Everything that a run can do, in a process of its own."""
    step = ctx.step
    booked = await step.transaction("book", enter, ctx.run_id, "book")
    await step.sleep("rest", "100ms")
    both = await asyncio.gather(
        step.run("left", answer_later, 3), step.wait_for_signal("go"), step.sleep("nap", "50ms")
    )
    child = await step.invoke("child", carry, 5)
    await step.send_event("report", "parcel/sent", {})
    return [booked, both[:2], child]


@function("march/asked-in-threads", machine="small-1x")
def march_in_threads(ctx: SyncContext[Any]) -> list[Any]:
    step = ctx.step
    booked = step.transaction("book", enter, ctx.run_id, "book")
    step.sleep("rest", "100ms")
    both = step.parallel(lambda: step.run("left", answer, 3), lambda: step.wait_for_signal("go"))
    child = step.invoke("child", carry, 5)
    return [booked, list(both), child]


@function("parcel/sent")
async def deliver(ctx: Context[Any]) -> int:
    return await ctx.step.run("deliver", answer_later, 1)
