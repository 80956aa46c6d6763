"""Functions of a server that the client's tests talk to."""

from dataclasses import dataclass
from typing import Any

from orchestrator import Context, NonRetriableError, TaskContext, function, task


@dataclass
class Receipt:
    order: int
    total: float


@function(on="order/placed", id="charge")
async def charge(ctx: Context[dict[str, Any]]) -> Receipt:
    order = ctx.event.data["order"]
    return await ctx.step.run("charge", lambda: Receipt(order, 9.5))


@task(id="refuse")
async def refuse(ctx: TaskContext, reason: str) -> None:
    raise NonRetriableError(reason)


@function(on="order/held", id="review")
async def review(ctx: Context[dict[str, Any]]) -> Any:
    return await ctx.step.wait_for_signal("decision", timeout="1h")
