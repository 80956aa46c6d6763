"""The functions that perform programs. One interpreter: async functions await what it answers, sync ones have it."""

import asyncio
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from orchestrator import (
    Context,
    Cron,
    NonRetriableError,
    Retries,
    StepError,
    SyncContext,
    SyncTaskContext,
    TaskContext,
    function,
    task,
)
from torture.expectations import EACH, LOST_CHILD, PARTS, ordered
from torture.models import Booking
from torture.programs import GO, NEVER, PARCEL, TICK, End, Kind, Op, Program, order_name, program_from
from torture.witness import testify

RETRIES = Retries(200, initial="50ms", factor=1.5, max_interval="500ms")


def work(ms: int, value: int) -> int:
    if ms:
        threading.Event().wait(ms / 1000)
    testify()
    return value


async def work_later(ms: int, value: int) -> int:
    if ms:
        await asyncio.sleep(ms / 1000)
    testify()
    return value


class TooEarlyError(RuntimeError):
    """What a body raises that is to fail."""


def fail_first(attempt_of: Any, op: Mapping[str, Any]) -> int:
    testify()
    if attempt_of.step_attempt <= op["fails"]:
        raise TooEarlyError(f"attempt {attempt_of.step_attempt} of {op['fails']} that fail")
    return int(op["value"])


def give_up() -> int:
    testify()
    raise NonRetriableError("for good")


def book(run: str, step: str, value: int) -> int:
    Booking.objects.create(run=run, step=step)
    return value


def leave() -> None:
    os._exit(1)


def ask(ctx: Any, label: str, op: Op) -> Any:
    """The step of an operation; an awaitable in an async function."""
    step = ctx.step
    match op.kind:
        case Kind.CALL:
            return step.run(op.id, work, op.ms, op.value)
        case Kind.CALL_LATER:
            return step.run(op.id, work if isinstance(ctx, SyncTaskContext) else work_later, op.ms, op.value)
        case Kind.FAIL:
            return step.run(op.id, fail_first, ctx, {"fails": op.fails, "value": op.value})
        case Kind.GIVE_UP:
            return step.run(op.id, give_up)
        case Kind.BOOK:
            return step.transaction(op.id, book, ctx.run_id, op.id, op.value)
        case Kind.SLEEP:
            return step.sleep(op.id, f"{op.ms}ms")
        case Kind.EXIT:
            return step.run(op.id, leave)
        case Kind.MAP:
            return step.map(op.id, lambda value: work(op.ms, value), list(op.values))
        case _:
            return _ask_others(step, label, op)


def _ask_others(step: Any, label: str, op: Op) -> Any:
    match op.kind:
        case Kind.SIGNAL:
            return step.wait_for_signal(op.id, f"{GO}/{op.id}/{op.value}")
        case Kind.NEVER:
            return step.wait_for_signal(op.id, NEVER)
        case Kind.EVENT:
            return step.wait_for_event(op.id, f"{GO}/{label}/{op.id}/{op.value}", match="data.label")
        case Kind.CHILD:
            assert op.child
            return step.invoke(op.id, part_in_threads if op.child.threads else part, asdict(op.child))
        case Kind.MAP_CHILDREN:
            return step.map(op.id, each, list(op.values))
        case Kind.SEND:
            return step.send_event(op.id, PARCEL, {"from": label, "step": op.id, "value": op.value})
    raise AssertionError(op.kind)


def value_of_answer(op: Op, answer: Any) -> int:
    """What an operation has added, from what its step has answered."""
    match op.kind:
        case Kind.SLEEP | Kind.NEVER | Kind.EXIT:
            return 0
        case Kind.EVENT:
            return int(answer.data["value"])
        case Kind.MAP | Kind.MAP_CHILDREN:
            return sum(answer)
        case Kind.SEND:
            return op.value
        case _:
            return int(answer)


def _value_of_failure(op: Op) -> int:
    return {Kind.GIVE_UP: op.value, Kind.CHILD: LOST_CHILD}[op.kind]


def _end(program: Program, total: int) -> int:
    if program.end is End.FAILED:
        raise NonRetriableError("as planned")
    return total


async def perform(ctx: Any, data: Mapping[str, Any]) -> int:
    program = program_from(data)

    async def do(op: Op) -> int:
        if op.kind is Kind.BOTH:
            return sum(await asyncio.gather(*map(do, op.ops)))
        if op.kind is Kind.ORDER:
            name = order_name(op)
            return ordered(tuple([await ctx.step.wait_for_signal(step, name) for step in op.steps]))
        try:
            return value_of_answer(op, await ask(ctx, program.label, op))
        except StepError:
            return _value_of_failure(op)

    total = 0
    for op in program.ops:
        total += await do(op)
    return _end(program, total)


def perform_in_threads(ctx: Any, data: Mapping[str, Any]) -> int:
    program = program_from(data)

    def do(op: Op) -> int:
        if op.kind is Kind.BOTH:
            return sum(ctx.step.parallel(*((lambda op=op: do(op)) for op in op.ops)))
        if op.kind is Kind.ORDER:
            return ordered(tuple(ctx.step.wait_for_signal(step, order_name(op)) for step in op.steps))
        try:
            return value_of_answer(op, ask(ctx, program.label, op))
        except StepError:
            return _value_of_failure(op)

    return _end(program, sum(do(op) for op in program.ops))


@function("torture/asked", id="torture-program", retries=RETRIES)
async def program(ctx: Context[Any]) -> int:
    return await perform(ctx, ctx.event.data)


@function("torture/asked-in-threads", id="torture-program-in-threads", retries=RETRIES)
def program_in_threads(ctx: SyncContext[Any]) -> int:
    return perform_in_threads(ctx, ctx.event.data)


@task(id=PARTS, retries=RETRIES)
async def part(ctx: TaskContext, program: dict[str, Any]) -> int:
    return await perform(ctx, program)


@task(id=f"{PARTS}-in-threads", retries=RETRIES)
def part_in_threads(ctx: SyncTaskContext, program: dict[str, Any]) -> int:
    return perform_in_threads(ctx, program)


@task(id=EACH, retries=RETRIES)
async def each(ctx: TaskContext, value: int) -> int:
    return await ctx.step.run("each", work_later, 0, value)


@function(PARCEL, id="torture-deliver", retries=RETRIES)
async def deliver(ctx: Context[Any]) -> int:
    return await ctx.step.run("deliver", work, 0, ctx.event.data["value"])


@function(on=Cron("* * * * *"), id=TICK)
async def tick(ctx: Context[Any]) -> str:
    return str(ctx.event.data["scheduled_at"])
