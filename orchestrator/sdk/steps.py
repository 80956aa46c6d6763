"""The step tools of async functions: ``ctx.step``. Plain ``asyncio.gather`` and ``TaskGroup`` make branches."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from datetime import datetime
from typing import Any, ParamSpec, TypeVar, overload

from orchestrator.core.durations import parse_duration
from orchestrator.core.ops import OpKind
from orchestrator.core.retry import Retries
from orchestrator.sdk import programs
from orchestrator.sdk.asked import asked
from orchestrator.sdk.asking import Asking, Duration, received, step_ids
from orchestrator.sdk.callable import Callee
from orchestrator.sdk.drivers import drive
from orchestrator.sdk.events import Event

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item


class StepTools(Asking):
    """Each tool is a durable step under the id it is given; a repeated id gets ``:1``, ``:2``."""

    def with_retries(self, retries: Retries | int) -> "StepTools":
        """The same tools with another retry policy for their bodies."""
        return StepTools(self._inv, Retries.of(retries), self._limit)

    def with_timeout(self, timeout: Duration) -> "StepTools":
        """The same tools; each attempt of an async body that takes longer is cancelled, and fails by TimeoutError."""
        return StepTools(self._inv, self._retries, parse_duration(timeout))

    @overload
    async def run(self, id: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    async def run(self, id: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @asked
    async def run(self, id: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Runs the body once and remembers its result; retried alone. Raises StepError when it failed for good."""
        return await self._drive(self._run(id, function, args, kwargs, OpKind.RUN))

    @asked
    async def transaction(self, id: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """The same for a sync body of Django ORM writes: they and the checkpoint commit together, exactly once."""
        result: R = await self._drive(self._run(id, function, args, kwargs, OpKind.TRANSACTION))
        return result

    @asked
    async def sleep(self, id: str, duration: Duration) -> None:
        """Rests for that long; holds no thread, slot or process."""
        await self._drive(programs.sleep(self._inv, id, parse_duration(duration)))

    @asked
    async def sleep_until(self, id: str, moment: datetime | str) -> None:
        """Rests until that aware moment (or ISO 8601 text)."""
        await self._drive(self._sleep_until(id, moment))

    @overload
    async def wait_for_event(
        self, id: str, what: type[T], *, match: str | None = ..., if_: str | None = ..., timeout: Duration | None = ...
    ) -> Event[T] | None: ...
    @overload
    async def wait_for_event(
        self, id: str, what: str, *, match: str | None = ..., if_: str | None = ..., timeout: Duration | None = ...
    ) -> Event[dict[str, Any]] | None: ...
    @asked
    async def wait_for_event(
        self,
        id: str,
        what: type[Any] | str,
        *,
        match: str | None = None,
        if_: str | None = None,
        timeout: Duration | None = None,
    ) -> Event[Any] | None:
        """The next such event, None when ``timeout`` came first. An event before the wait does not count.

        ``match="data.user_id"``: that path must be equal in it and in the event that started the run.
        ``if_``: an expression over ``async`` (the awaited one) and ``event`` (the one that started the run).
        """
        return received(await self._drive(self._wait_for_event(id, what, match, if_, timeout)), what)

    @asked
    async def wait_for_signal(self, id: str, name: str | None = None, *, timeout: Duration | None = None) -> Any:
        """Payload of the next signal of that name (default: the id), one sent before included; None on time-out."""
        return await self._drive(self._wait_for_signal(id, name, timeout))

    @asked
    async def invoke(self, id: str, target: Callee[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs another function as a child and answers its output. Raises StepError when it did not complete."""
        result: R = await self._drive(self._invoke(id, target.definition, args, kwargs))
        return result

    @asked
    async def send_event(
        self, id: str, what: object, data: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> list[str]:
        """Sends an event (a payload instance, a list of them, or a name and its data); their ids."""
        ids: list[str] = await self._drive(self._send_event(id, what, data, key))
        return ids

    @overload
    async def map(
        self,
        id: str,
        function: Callee[[I], R],
        items: Iterable[I],
        *,
        concurrency: int | None = ...,
        key: Callable[[I], str] | None = ...,
    ) -> list[R]: ...
    @overload
    async def map(
        self,
        id: str,
        function: Callable[[I], Awaitable[R]],
        items: Iterable[I],
        *,
        concurrency: int | None = ...,
        key: Callable[[I], str] | None = ...,
    ) -> list[R]: ...
    @overload
    async def map(
        self,
        id: str,
        function: Callable[[I], R],
        items: Iterable[I],
        *,
        concurrency: int | None = ...,
        key: Callable[[I], str] | None = ...,
    ) -> list[R]: ...
    @asked
    async def map(
        self,
        id: str,
        function: Any,
        items: Iterable[Any],
        *,
        concurrency: int | None = None,
        key: Callable[[Any], str] | None = None,
    ) -> list[Any]:
        """One step an item (a child run an item for a task), in parallel, ``concurrency`` at once; outputs in order.

        The steps are ``id``, ``id:1``, ``id:2``. With ``key``, a text of each item, they are ``id:<key>``: they keep
        their results when items come in another order. Raises InvalidInput when two items have the same key.
        """
        elements = list(items)
        ids = step_ids(id, elements, key)
        results: list[Any] = [None] * len(elements)
        left = iter(enumerate(elements))

        async def take_in_turn() -> None:
            for n, item in left:
                if isinstance(function, Callee):
                    program = self._invoke(ids[n], function.definition, (item,), {})
                else:
                    program = self._each(id, ids[n], function, item)
                results[n] = await self._drive(program)

        at_once = min(concurrency or len(elements), len(elements))
        await asyncio.gather(*(take_in_turn() for _ in range(at_once)))
        return results

    def _drive(self, program: programs.Program) -> Coroutine[Any, Any, Any]:
        return drive(program, self._inv, self._inv.branches)
