"""What the workers tell of moments: the client is another process, so they are stored as results."""

import time

from benchmarks.functions import NAP
from orchestrator import function
from orchestrator.sdk.context import Context


async def moment() -> float:
    """A step's body that says when it ran, seconds since 1970."""
    return time.time()


@function(on="bench/told")
async def told(ctx: Context[dict[str, int]]) -> float:
    return await moment()


@function(on="bench/told-long")
async def told_long(ctx: Context[dict[str, int]]) -> list[float]:
    return [await ctx.step.run(f"step-{number}", moment) for number in range(ctx.event.data["n"])]


@function(on="bench/told-sleeper")
async def told_sleeper(ctx: Context[dict[str, int]]) -> float:
    await ctx.step.sleep("nap", NAP)
    return time.time()
