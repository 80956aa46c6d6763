"""The tasks of an async run, and when all of them only wait for the database (engine protocol, section 4).

Each task is driven through a wrapper that sees what it awaits. The run is quiet when every live task awaits one of our
parked steps or other tasks of the run; a bare await (HTTP, to_thread, sleep) is author code that runs.
"""

import asyncio
import collections.abc
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from time import monotonic
from typing import Any

from orchestrator.core.ops import Memo
from orchestrator.sdk.scope import CURRENT
from orchestrator.sdk.transport import Suspend

# Where asyncio itself waits for tasks: file and function of the innermost coroutine.
JOINS = {
    ("tasks.py", "_wait"),
    ("tasks.py", "wait_for"),
    ("taskgroups.py", "__aexit__"),
}
# as_completed gets its tasks from a queue; a queue or lock of the author's own is author code that waits.
QUEUE_JOIN = [("tasks.py", "_wait_for_one"), ("queues.py", "get")]
BLOCKED_SECONDS = 0.25  # between two awaits: then the author is told


class Watched(collections.abc.Coroutine[Any, Any, Any]):
    """A coroutine that remembers what it awaits and tells its run when it moved."""

    __slots__ = ("at", "branches", "coroutine", "in_body")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], branches: "Branches", *, in_body: bool) -> None:
        self.coroutine = coroutine
        self.branches = branches
        self.in_body = in_body  # made by the body of a step, not by the function
        self.at: Any = None

    def send(self, value: Any) -> Any:
        self.at = None
        began = monotonic()
        try:
            self.at = at = self.coroutine.send(value)
        finally:
            if (seconds := monotonic() - began) > BLOCKED_SECONDS and (scope := CURRENT.get()) is not None:
                scope.invocation.warn_of_blocking(self.coroutine, scope.step, scope.attempt, seconds)
        if self.branches.parked:
            self.branches.moved()
        return at

    def throw(self, *args: Any) -> Any:
        self.at = None
        self.at = self.coroutine.throw(*args)
        self.branches.moved()
        return self.at

    def close(self) -> None:
        self.coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.coroutine.__await__()


class RunTask(asyncio.Task[Any]):
    """A task of a run."""

    watched: Watched


class Branches:
    """All tasks of one execution. ``on_quiet`` is called on the loop each time the run became quiet."""

    def __init__(self, on_quiet: Callable[[], None]) -> None:
        self.tasks: set[RunTask] = set()
        self._cut_off = False  # a branch was cancelled
        self._parks: dict[str, asyncio.Future[Memo | None]] = {}
        self.parked: set[asyncio.Future[Any]] = set()
        self._on_quiet = on_quiet
        self._check: asyncio.Handle | None = None
        self._loop = asyncio.get_running_loop()
        self._dead = False

    async def park(self, key: str) -> Memo | None:
        """Rests until ``settle`` for that key. Raises Suspend when the execution ends here."""
        if self._dead:
            raise Suspend
        future: asyncio.Future[Memo | None] = self._loop.create_future()
        self._parks[key] = future
        self.parked.add(future)
        try:
            return await future
        finally:
            self.parked.discard(future)
            if self._parks.get(key) is future:
                del self._parks[key]

    def settle(self, key: str, memo: Memo | None) -> None:
        future = self._parks.get(key)
        if future is not None and not future.done():
            future.set_result(memo)

    def suspend(self) -> None:
        """Unwinds every branch: parked ones by Suspend, others by cancellation."""
        self._dead = True
        for future in list(self.parked):
            if not future.done():
                future.set_exception(Suspend())
        for task in list(self.tasks):
            if not task.done() and task.watched.at not in self.parked:
                task.cancel()

    def ended(self, task: "asyncio.Task[Any]") -> None:
        self.tasks.discard(task)
        self._cut_off = self._cut_off or task.cancelled()
        if self._dead and not task.cancelled():
            task.exception()  # Suspend in a branch nobody joins is no error to report
        self.moved()

    @property
    def all_parked(self) -> bool:
        """Every task rests in a wait of its own."""
        return len(self.parked) >= len(self.tasks)

    def left_behind(self) -> bool:
        """Whether a branch was cancelled or still goes on; asked by the function's own task at its end."""
        own = asyncio.current_task()
        return self._cut_off or any(task is not own and not task.done() for task in self.tasks)

    def moved(self) -> None:
        if self._check is None and self.parked and not self._dead:
            self._check = self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._check = None
        if self.parked and not self._dead and all(self.rests(task) for task in self.tasks if not task.done()):
            self._on_quiet()

    def rests(self, task: RunTask) -> bool:
        awaited = task.watched.at
        if awaited is None:
            return False
        if awaited in self.parked:
            return not awaited.done()
        if isinstance(awaited, asyncio.Task):
            return awaited in self.tasks and not awaited.done()
        if isinstance(awaited, asyncio.Future) and awaited.done():
            return False
        return type(awaited).__name__ == "_GatheringFuture" or _joins(task.watched.coroutine)


def _joins(coroutine: Any) -> bool:
    chain: list[tuple[str, str]] = []
    while (code := getattr(coroutine, "cr_code", None)) is not None:
        place = code.co_filename.rsplit("/", 1)[-1] if "asyncio" in code.co_filename else ""
        chain.append((place, code.co_name))
        coroutine = coroutine.cr_await
    return bool(chain) and (chain[-1] in JOINS or chain[-2:] == QUEUE_JOIN)


def task_factory(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], context: Context | None = None
) -> "asyncio.Task[Any]":
    """Tasks made inside a run are watched; all others are asyncio's own."""
    scope = CURRENT.get() if context is None else context.get(CURRENT)
    branches: Branches | None = getattr(scope.invocation, "branches", None) if scope is not None else None
    options: dict[str, Any] = {} if context is None else {"context": context}
    if scope is None or branches is None:
        return asyncio.Task(coroutine, loop=loop, **options)
    watched = Watched(coroutine, branches, in_body=bool(scope.step))
    task = RunTask(watched, loop=loop, **options)
    task.watched = watched
    if branches.tasks and not scope.step:
        scope.invocation.forked = True
    branches.tasks.add(task)
    task.add_done_callback(branches.ended)
    return task
