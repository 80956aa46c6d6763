"""W1 and W2 with limits that hold nobody back. In a module of their own, since one limit makes every claim look."""

from benchmarks.functions import nothing
from orchestrator import Concurrency, Priority, Throttle, function
from orchestrator.sdk.context import Context

FLOW = (Concurrency(1_000), Throttle(1_000_000, "1s", burst=1_000), Priority("event.data.n"))


@function(on="bench/one-step-flow", flow=FLOW)
async def one_step_flow(ctx: Context[dict[str, int]]) -> None:
    await ctx.step.run("only", nothing)


@function(on="bench/five-steps-flow", flow=FLOW)
async def five_steps_flow(ctx: Context[dict[str, int]]) -> None:
    for number in range(5):
        await ctx.step.run(f"step-{number}", nothing)
