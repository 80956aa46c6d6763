"""Functions of this process: async ones on the engine's loop, sync ones in threads of its pool."""

import asyncio
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any

from orchestrator.core.ops import CallRequest, ErrorInfo, Memo, Op, Status
from orchestrator.executors.base import Execution, Sink
from orchestrator.executors.outcome import call_body, completed, raised, warn_swallowed
from orchestrator.executors.outside import OutsideWatch
from orchestrator.sdk.invocation import Invocation
from orchestrator.sdk.registry import Definition
from orchestrator.sdk.scope import CURRENT, Scope
from orchestrator.sdk.transport import Suspend


class AsyncExecution:
    """A coroutine that goes on in the same call after each checkpoint."""

    in_memory = True
    parks = True

    def __init__(self, definition: Definition, inv: Invocation, sink: Sink, watch: OutsideWatch) -> None:
        self._inv = inv
        self._sink = sink
        self._started_at = inv.now()
        self._watch = watch
        watch.add(inv)
        token = CURRENT.set(Scope(inv))
        try:
            self._task = asyncio.get_running_loop().create_task(self._main(definition))
        finally:
            CURRENT.reset(token)
        self._task.add_done_callback(self._ended)

    async def _main(self, definition: Definition) -> Op:
        inv = self._inv
        try:
            op = completed(inv, await call_body(definition, inv), self._started_at)
        except Exception as error:  # author code: whatever it raises fails the run
            op = raised(inv, error, self._started_at)
        if inv.dead:
            warn_swallowed(inv)
        return op

    def _ended(self, task: "asyncio.Task[Op]") -> None:
        inv = self._inv
        inv.end_line("", inv.request.attempt)
        inv.asked.forget()
        self._watch.remove(inv)
        if inv.dead:
            if not task.cancelled():
                task.exception()  # it was unwound: no error to report
            self._sink.finished(None)
            return
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        op = raised(inv, error, self._started_at) if error is not None else task.result()
        inv.dead = True
        inv.branches.suspend()
        self._sink.finished(op)

    def settle(self, key: str, status: Status | None, output: Any, error: ErrorInfo | None) -> None:
        opened = self._inv.open_steps.get(key)
        if opened is not None:
            memo = None if status is None else Memo(key, opened.op, status, opened.ordinal, output, error)
            self._inv.settle(key, memo)
            self._inv.branches.settle(key, memo)

    def check(self) -> None:
        self._inv.branches.moved()

    def suspend(self) -> None:
        self._inv.dead = True
        self._inv.branches.suspend()


class SyncExecution:
    """A call in a thread; each wait unwinds it, and it is called again with its memos."""

    in_memory = False
    parks = False

    def __init__(
        self, definition: Definition, inv: Invocation, sink: Sink, submit: Callable[[Callable[[], None]], None]
    ) -> None:
        self._inv = inv
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        context = copy_context()
        context.run(CURRENT.set, Scope(inv))
        submit(lambda: context.run(self._main, definition))

    def _main(self, definition: Definition) -> None:
        inv = self._inv
        started_at = inv.now()
        op: Op | None = None
        try:
            value = call_body(definition, inv)
            if not inv.rests:
                op = completed(inv, value, started_at)
        except Suspend:
            inv.rests = False  # it has passed, as it should
        except BaseException as error:  # author code: whatever it raises fails the run
            op = None if inv.rests or inv.dead else raised(inv, error, started_at)
        if inv.rests:
            warn_swallowed(inv)
        inv.end_line("", inv.request.attempt)
        inv.dead = True
        self._loop.call_soon_threadsafe(self._sink.finished, op)

    def settle(self, key: str, status: Status | None, output: Any, error: ErrorInfo | None) -> None:
        """Sync executions never rest in memory."""

    def check(self) -> None:
        """Sync executions are never quiet: each wait unwinds them."""

    def suspend(self) -> None:
        self._inv.dead = True


class LocalExecutor:
    """``submit`` runs a function in a thread of the body pool; ``inline``: on the loop itself."""

    def __init__(
        self,
        submit: Callable[[Callable[[], None]], None],
        stubs: Mapping[str, Any] | None = None,
        *,
        inline: bool = False,
    ) -> None:
        self._submit = submit
        self._stubs = stubs
        self._inline = inline
        self._watch = OutsideWatch()

    def start(self, definition: Definition, request: CallRequest, sink: Sink) -> Execution:
        policy, is_async = definition.retries, definition.is_async
        inv = Invocation(request, sink, policy, is_async=is_async, stubs=self._stubs, inline=self._inline)
        if definition.is_async:
            return AsyncExecution(definition, inv, sink, self._watch)
        return SyncExecution(definition, inv, sink, self._submit)
