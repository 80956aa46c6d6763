"""What authors write every day: mypy --strict has nothing to say, and knows the types of what comes back."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, assert_type

from pydantic import BaseModel

from orchestrator import (
    Context,
    Cron,
    Event,
    Machine,
    On,
    Retries,
    RunFailed,
    SyncContext,
    SyncTaskContext,
    TaskContext,
    event,
    function,
    send,
    task,
)


@event("book/ordered")
@dataclass
class BookOrdered:
    isbn: str
    copies: int = 1


@event("book/paid")
class BookPaid(BaseModel):
    isbn: str


def price(isbn: str, copies: int) -> float:
    return len(isbn) * copies


async def stock(isbn: str, *, shelf: str = "A") -> int:
    return len(isbn + shelf)


@task(retries=Retries(3, initial=timedelta(seconds=1)))
async def pack(ctx: TaskContext, isbn: str, copies: int = 1) -> list[str]:
    return [isbn] * await ctx.step.run("stock", stock, isbn, shelf="B")


@task()
def weigh(ctx: SyncTaskContext, isbn: str) -> float:
    return ctx.step.run("price", price, isbn, 1)


@function(on=BookOrdered, retries=5, if_="event.data.copies > 0")
async def sell(ctx: Context[BookOrdered]) -> str:
    order, step = ctx.event.data, ctx.step
    assert_type(order, BookOrdered)
    assert_type(await step.run("price", price, order.isbn, order.copies), float)
    assert_type(await step.run("stock", stock, order.isbn), int)
    assert_type(await step.transaction("save", price, order.isbn, copies=2), float)
    assert_type(
        await step.wait_for_event("paid", BookPaid, match="data.isbn", timeout="3 days"), Event[BookPaid] | None
    )
    assert_type(await step.wait_for_event("any", "book/*", timeout=60), Event[dict[str, Any]] | None)
    assert_type(await step.invoke("pack", pack, order.isbn, copies=2), list[str])
    assert_type(await step.invoke("count", count, BookOrdered("1")), int)
    assert_type(await step.map("weigh", weigh, [order.isbn]), list[float])
    assert_type(await step.map("pack", pack, [order.isbn], concurrency=4), list[list[str]])
    assert_type(await step.map("shelve", stock, [order.isbn]), list[int])
    assert_type(await step.map("stamp", weigh, [order.isbn], key=lambda isbn: isbn[-4:]), list[float])
    assert_type(await step.map("wrap", pack, [order.isbn], key=str), list[list[str]])
    assert_type(await pack.trigger_and_wait(order.isbn), list[str])
    assert_type(await pack.atrigger(order.isbn, copies=3), str)
    both = await asyncio.gather(step.run("left", price, "1", 1), pack.trigger_and_wait("2"))
    assert_type(both, tuple[float, list[str]])
    await step.sleep("rest", timedelta(hours=1))
    return order.isbn


@function(on=BookOrdered)
def count(ctx: SyncContext[BookOrdered]) -> int:
    step = ctx.step
    assert_type(step.run("price", price, ctx.event.data.isbn, 1), float)
    assert_type(step.map("weigh", weigh, ["1"]), list[float])
    assert_type(step.map("stamp", weigh, ["1"], key=lambda isbn: isbn[-4:]), list[float])
    assert_type(step.wait_for_event("paid", BookPaid), Event[BookPaid] | None)
    step.sleep("rest", "2h")
    return ctx.event.data.copies


@task(machine="small-1x", on_out_of_memory=Machine(cpu=2, memory="4GB"), max_duration="2h")
def bind(ctx: SyncTaskContext, isbn: str) -> str:
    ctx.progress(0.5, "half of the pages")
    assert_type(ctx.scratch / isbn, Path)
    return isbn


@function(on=[On(BookPaid, if_="event.data.isbn != ''"), "shelf/*", Cron("0 9 * * MON", tz="Europe/Zurich")])
async def tidy(ctx: Context[dict[str, Any]]) -> None:
    ctx.logger.info("tidying %s", ctx.event.name)


@sell.on_failure
async def apologise(ctx: Context[RunFailed]) -> str:
    return ctx.event.data.error.message


@pack.on_failure
def unpack(ctx: SyncContext[RunFailed]) -> str:
    return ctx.event.data.run_id


assert_type(send(BookOrdered("1")), str)
assert_type(send("book/paid", {"isbn": "1"}, id="once"), str)
assert_type(pack.trigger("1", copies=2), str)
assert_type(pack.options(delay="1h", idempotency_key="1").trigger("1"), str)
