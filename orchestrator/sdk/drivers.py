"""The two ways to perform a program's effects: on the loop, and blocking in a thread."""

import inspect
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any

from orchestrator.core.errors import MisplacedCall
from orchestrator.core.ops import Memo
from orchestrator.sdk.branches import Branches
from orchestrator.sdk.invocation import Invocation
from orchestrator.sdk.programs import CallBody, CallTransaction, Commit, Effect, Park, Program
from orchestrator.sdk.scope import CURRENT, Scope
from orchestrator.sdk.transport import StepRun, Suspend


async def drive(program: Program, inv: Invocation, branches: Branches) -> Any:
    """Performs the effects of a program on the running loop."""
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            effect = program.throw(error) if error is not None else program.send(answer)
        except StopIteration as stop:
            return stop.value
        answer, error = None, None
        try:
            if isinstance(effect, CallBody):
                answer = await _call(effect, inv)
            elif isinstance(effect, Commit):
                await inv.transport.commit(effect.op)
            elif isinstance(effect, Park):
                answer = await branches.park(effect.key)
            else:
                body = partial(effect.function, *effect.args, **(effect.kwargs or {}))
                answer = await inv.transport.call(partial(_transact, inv, effect.step, body))
        except BaseException as raised:  # thrown back into the program, which knows what it means
            error = raised


async def _call(effect: CallBody, inv: Invocation) -> Any:
    step, function, args, kwargs = effect
    token = CURRENT.set(Scope(inv, step.key, step.attempt))
    inv.transport.body_began(step)
    try:
        if _is_async(function):
            return await function(*args, **(kwargs or {}))
        value = await inv.transport.call(partial(function, *args, **(kwargs or {})))
        return await value if inspect.isawaitable(value) else value
    finally:
        inv.end_line(step.key, step.attempt)
        inv.transport.body_ended(step)
        CURRENT.reset(token)


def _is_async(function: Callable[..., Any]) -> bool:
    # At once for plain ones, which inspect goes a long way round for.
    plain = type(function) is FunctionType and function.__code__.co_flags & inspect.CO_COROUTINE
    return bool(plain) or inspect.iscoroutinefunction(function)


def drive_blocking(program: Program, inv: Invocation) -> Any:
    """Performs the effects of a program in this thread; a wait unwinds the function by Suspend."""
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            effect = program.throw(error) if error is not None else program.send(answer)
        except StopIteration as stop:
            return stop.value
        except Suspend:
            inv.rests = True
            raise
        answer, error = None, None
        try:
            answer = _perform_blocking(effect, inv)
        except BaseException as raised:  # thrown back into the program, which knows what it means
            error = raised


def _perform_blocking(effect: Effect, inv: Invocation) -> Memo | Any:
    if isinstance(effect, Commit):
        inv.transport.commit_blocking(effect.op)
        return None
    if isinstance(effect, CallTransaction):
        return _transact(inv, effect.step, partial(effect.function, *effect.args, **(effect.kwargs or {})))
    if isinstance(effect, CallBody):
        return _call_blocking(effect, inv)
    raise Suspend


def _call_blocking(effect: CallBody, inv: Invocation) -> Any:
    step = effect.step
    token = CURRENT.set(Scope(inv, step.key, step.attempt))
    inv.transport.body_began(step)
    try:
        value = effect.function(*effect.args, **(effect.kwargs or {}))
        if inspect.isawaitable(value):
            if inspect.iscoroutine(value):
                value.close()
            raise MisplacedCall(f"step {step.key!r} of a sync function has an async body: make the function async")
        return value
    finally:
        inv.end_line(step.key, step.attempt)
        inv.transport.body_ended(step)
        CURRENT.reset(token)


def _transact(inv: Invocation, step: StepRun, body: Callable[[], Any]) -> str:
    token = CURRENT.set(Scope(inv, step.key, step.attempt))
    inv.transport.body_began(step)
    try:
        return inv.transport.transact(step, body)
    finally:
        inv.end_line(step.key, step.attempt)
        inv.transport.body_ended(step)
        CURRENT.reset(token)
