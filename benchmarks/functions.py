"""The functions that are measured: bodies do nothing, so that what is left is the engine."""

import asyncio
from datetime import timedelta
from time import perf_counter

from orchestrator import TaskContext, function, task
from orchestrator.sdk.context import Context

NAP = timedelta(seconds=1)

marks: list[float] = []  # moments that bodies write down, seconds of perf_counter


async def nothing() -> None:
    """A step's body."""


async def mark() -> None:
    """A step's body that remembers when it ran."""
    marks.append(perf_counter())


@function(on="bench/one-step")
async def one_step(ctx: Context[dict[str, int]]) -> None:
    await ctx.step.run("only", nothing)


@function(on="bench/five-steps")
async def five_steps(ctx: Context[dict[str, int]]) -> None:
    for number in range(5):
        await ctx.step.run(f"step-{number}", nothing)


@function(on="bench/first-line")
async def first_line(ctx: Context[dict[str, int]]) -> None:
    marks.append(perf_counter())


@function(on="bench/long")
async def long(ctx: Context[dict[str, int]]) -> None:
    for number in range(ctx.event.data["n"]):
        await ctx.step.run(f"step-{number}", mark)


@function(on="bench/parallel-steps")
async def parallel_steps(ctx: Context[dict[str, int]]) -> None:
    await asyncio.gather(*(ctx.step.run(f"branch-{number}", nothing) for number in range(ctx.event.data["n"])))


@task()
async def leaf(ctx: TaskContext, number: int) -> int:
    return number


@function(on="bench/children")
async def children(ctx: Context[dict[str, int]]) -> int:
    return sum(await ctx.step.map("child", leaf, range(ctx.event.data["n"])))


@function(on="bench/sleeper")
async def sleeper(ctx: Context[dict[str, int]]) -> None:
    asleep = perf_counter()
    await ctx.step.sleep("nap", NAP)
    marks.append(perf_counter() - asleep - NAP.total_seconds())
