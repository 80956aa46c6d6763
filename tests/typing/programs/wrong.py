"""What mypy must refuse: each line that ends in an E and codes has these errors, and no other line has any."""

# ruff: noqa: B018, F841

from dataclasses import dataclass

from pydantic import BaseModel

from orchestrator import Context, Machine, RunFailed, SyncContext, SyncTaskContext, TaskContext, event, function, task


@event("book/ordered")
@dataclass
class BookOrdered:
    isbn: str


@event("book/paid")
class BookPaid(BaseModel):
    isbn: str


def price(isbn: str, copies: int) -> float:
    return len(isbn) * copies


@task()
async def pack(ctx: TaskContext, isbn: str, copies: int = 1) -> list[str]:
    return [isbn] * copies


@function(on=BookOrdered)
def count(ctx: SyncContext[BookOrdered]) -> int:
    return 1


# Payloads.
BookOrdered(isbn=9)  # E: arg-type
BookPaid(isbn=9)  # E: arg-type
pack.trigger(9)  # E: arg-type
pack.trigger("9", pages=1)  # E: call-arg
pack.trigger("9", copies="many")  # E: arg-type
pack.trigger()  # E: call-arg
pack.options(delay="1h").trigger(9)  # E: arg-type


@function(on=BookOrdered)
async def steps(ctx: Context[BookOrdered]) -> None:
    step = ctx.step
    ctx.event.data.title  # E: attr-defined
    await step.run("price", price, "9")  # E: call-overload
    await step.run("price", price, "9", "many")  # E: call-overload
    await step.run("price", price, "9", number=2)  # E: call-arg, arg-type
    await step.transaction("price", price, 9, 1)  # E: arg-type
    step.sleep("rest", "1h")  # E: unused-coroutine
    await step.sleep("rest", None)  # E: arg-type
    await step.sleep_until("rest", 3)  # E: arg-type
    await pack.trigger_and_wait(9)  # E: arg-type
    await pack.trigger_and_wait("9", copies="many")  # E: arg-type
    await step.invoke("pack", pack, 9)  # E: arg-type
    await step.invoke("count", count, BookPaid(isbn="9"))  # E: arg-type
    await step.map("pack", pack, [9])  # E: arg-type
    await step.map("wrap", pack, ["1"], key=len)  # E: arg-type
    paid = await step.wait_for_event("paid", BookPaid)
    paid.data.isbn  # E: union-attr
    weight: str = await step.run("price", price, "9", 1)  # E: call-overload


# A function and what starts it.
@function(on=BookOrdered)  # E: arg-type
async def takes_another_event(ctx: Context[BookPaid]) -> None: ...


@function(on=BookOrdered)  # E: arg-type
def takes_another_event_too(ctx: SyncContext[BookPaid]) -> None: ...


@function(on=BookOrdered)  # E: arg-type
def is_sync_with_an_async_context(ctx: Context[BookOrdered]) -> None: ...


@task()  # E: arg-type
def is_a_sync_task_with_an_async_context(ctx: TaskContext, isbn: str) -> None: ...


@task()
def weigh(ctx: SyncTaskContext, isbn: str) -> float:
    return ctx.step.run("price", price, isbn)  # E: call-arg


@count.on_failure  # E: arg-type
async def expects_the_event(ctx: Context[BookOrdered]) -> None: ...


@count.on_failure
async def apologise(ctx: Context[RunFailed]) -> None:
    ctx.event.data.reason  # E: attr-defined


# What a run may use.
@task(machine="huge")  # E: arg-type
def asks_for_an_unknown_machine(ctx: SyncTaskContext) -> None: ...


@task(machine=Machine(cpu=1))  # E: call-arg
def asks_for_half_a_machine(ctx: SyncTaskContext) -> None:
    ctx.progress("half")  # E: arg-type
    ctx.scratch.upload()  # E: attr-defined
