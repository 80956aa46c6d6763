"""``@function`` and ``@task``: what authors declare."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from datetime import timedelta
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from orchestrator.core.codec import return_shape
from orchestrator.core.durations import parse_duration
from orchestrator.core.errors import MisplacedCall
from orchestrator.core.flow import FlowControl
from orchestrator.core.machines import Machine, Preset
from orchestrator.core.retry import Retries
from orchestrator.sdk import programs
from orchestrator.sdk.asking import Duration, payload_for
from orchestrator.sdk.callable import Callee
from orchestrator.sdk.context import Context, SyncContext, SyncTaskContext, TaskContext
from orchestrator.sdk.declaring import On, declare, declare_failure_handler
from orchestrator.sdk.drivers import drive, drive_blocking
from orchestrator.sdk.events import RunFailed
from orchestrator.sdk.port import engine
from orchestrator.sdk.registry import Definition
from orchestrator.sdk.scope import CURRENT
from orchestrator.sdk.timing import Cron, Every, Timed

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Source = type[Any] | str | Cron | Every | On


Handler = Callable[[Context[RunFailed]], Awaitable[object]] | Callable[[SyncContext[RunFailed]], object]


class Function(Callee[[T], R], Generic[T, R]):
    """An event-driven function. Calling it runs the plain body, for tests of one's own."""

    def __call__(self, ctx: Any) -> Any:
        return self.definition.body(ctx)

    def on_failure(self, handler: Handler) -> "Function[RunFailed, Any]":
        """Declares what runs when a run of this has failed for good; ``ctx.event.data`` tells which and why."""
        return Function(declare_failure_handler(self.definition, handler))


class Task(Callee[P, R]):
    """A function that is called by name; its payload is its Python signature."""

    def __init__(self, definition: Definition, key: str | None = None, delay: timedelta | None = None) -> None:
        super().__init__(definition)
        self._key = key
        self._delay = delay

    def __call__(self, ctx: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
        return self.definition.body(ctx, *args, **kwargs)

    def on_failure(self, handler: Handler) -> Function[RunFailed, Any]:
        """Declares what runs when a run of this task has failed for good; ``ctx.event.data`` tells which and why."""
        return Function(declare_failure_handler(self.definition, handler))

    def options(self, *, idempotency_key: str | None = None, delay: Duration | None = None) -> "Task[P, R]":
        """The same task, to be triggered once for that key, or later. Not in a run: its steps are once anyway."""
        return Task(self.definition, idempotency_key, None if delay is None else parse_duration(delay))

    def trigger(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Starts a run and answers its id, once it is durable. In a run of a sync function it is a step of it."""
        scope = CURRENT.get()
        payload = payload_for(self.definition, args, kwargs)
        if scope is not None and not scope.step:
            self._refuse_options()
            if scope.invocation.is_async:
                raise MisplacedCall(f"in an async function: await {self.__name__}.atrigger(…)")
            run_id: str = drive_blocking(
                programs.trigger(scope.invocation, self.id, self.id, payload), scope.invocation
            )
            return run_id
        return engine().trigger(self.id, payload, idempotency_key=self._key, delay=self._delay)

    async def atrigger(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """``trigger`` for async code. In a run it is a step of it."""
        scope = CURRENT.get()
        payload = payload_for(self.definition, args, kwargs)
        if scope is not None and not scope.step:
            self._refuse_options()
            inv = scope.invocation
            run_id: str = await drive(programs.trigger(inv, self.id, self.id, payload), inv, inv.branches)
            return run_id
        return await engine().atrigger(self.id, payload, idempotency_key=self._key, delay=self._delay)

    def batch_trigger(self, calls: Iterable[Mapping[str, Any]]) -> list[str]:
        """Starts a run for each set of keyword arguments; their ids. Outside a run all start in one commit, or none."""
        if CURRENT.get() is not None or self._key is not None or self._delay is not None:
            return [self.trigger(**call) for call in calls]  # type: ignore[call-arg]
        return engine().trigger_many(self.id, [payload_for(self.definition, (), call) for call in calls])

    def trigger_and_wait(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[object, object, R]:
        """In an async run: a child run's output, as a step named after the task. Raises StepError when it failed."""
        scope = CURRENT.get()
        if scope is None or scope.step:
            raise MisplacedCall(f"{self.__name__}.trigger_and_wait() works in a run, outside its steps")
        inv = scope.invocation
        if not inv.is_async:
            raise MisplacedCall(f"in a sync function: ctx.step.invoke({self.id!r}, {self.__name__}, …)")
        self._refuse_options()
        payload = payload_for(self.definition, args, kwargs)
        shape = return_shape(self.definition.body)
        return drive(programs.invoke(inv, self.id, self.id, payload, shape=shape, timeout=None), inv, inv.branches)

    def _refuse_options(self) -> None:
        if self._key is not None or self._delay is not None:
            raise MisplacedCall(f"{self.__name__}.options(…) has no effect in a run; step.sleep delays what follows")


class FunctionDecorator(Generic[T]):
    """What ``@function(...)`` gives: takes async and sync bodies alike."""

    def __init__(self, **options: Any) -> None:
        self._options = options

    @overload
    def __call__(self, body: Callable[[Context[T]], Awaitable[R]]) -> Function[T, R]: ...
    @overload
    def __call__(self, body: Callable[[SyncContext[T]], R]) -> Function[T, R]: ...
    def __call__(self, body: Callable[..., Any]) -> Function[Any, Any]:
        return Function(declare(body, kind="function", **self._options))


class TaskDecorator:
    """What ``@task(...)`` gives: takes async and sync bodies alike."""

    def __init__(self, **options: Any) -> None:
        self._options = options

    @overload
    def __call__(self, body: Callable[Concatenate[TaskContext, P], Awaitable[R]]) -> Task[P, R]: ...
    @overload
    def __call__(self, body: Callable[Concatenate[SyncTaskContext, P], R]) -> Task[P, R]: ...
    def __call__(self, body: Callable[..., Any]) -> Task[Any, Any]:
        return Task(declare(body, kind="task", **self._options))


@overload
def function(
    on: type[T],
    *,
    id: str | None = ...,
    name: str | None = ...,
    if_: str | None = ...,
    retries: Retries | int | None = ...,
    queue: str | None = ...,
    pinned: bool = ...,
    flow: Iterable[FlowControl] = ...,
    machine: Preset | Machine | None = ...,
    on_out_of_memory: Preset | Machine | None = ...,
    max_duration: Duration | None = ...,
    retention: Duration | None = ...,
    expected_within: Duration | None = ...,
) -> FunctionDecorator[T]: ...
@overload
def function(
    on: str | Cron | Every | On | Iterable[Source],
    *,
    id: str | None = ...,
    name: str | None = ...,
    if_: str | None = ...,
    retries: Retries | int | None = ...,
    queue: str | None = ...,
    pinned: bool = ...,
    flow: Iterable[FlowControl] = ...,
    machine: Preset | Machine | None = ...,
    on_out_of_memory: Preset | Machine | None = ...,
    max_duration: Duration | None = ...,
    retention: Duration | None = ...,
    expected_within: Duration | None = ...,
) -> FunctionDecorator[Any]: ...
def function(
    on: Any,
    *,
    id: str | None = None,
    name: str | None = None,
    if_: str | None = None,
    retries: Retries | int | None = None,
    queue: str | None = None,
    pinned: bool = False,
    flow: Iterable[FlowControl] = (),
    machine: Preset | Machine | None = None,
    on_out_of_memory: Preset | Machine | None = None,
    max_duration: Duration | None = None,
    retention: Duration | None = None,
    expected_within: Duration | None = None,
) -> FunctionDecorator[Any]:
    """Declares a function that starts by itself.

    ``on``: an ``@event`` class, an event's name ("shop/*" for all that begin so), ``Cron("0 9 * * MON")``,
    ``Every("15m")``, ``On(event, if_=…)``, or a list of these.
    ``if_``: an expression over ``event`` that must be true.
    ``retries``: how often after the first attempt, or a ``Retries``; for the function and for each of its steps.
    ``flow``: how much of it may happen: ``Concurrency``, ``Throttle``, ``RateLimit``, ``Debounce``, ``Batch``,
    ``Priority``, ``Fairness``, ``Delay``, ``Singleton``, ``Idempotency``, ``CancelOn``, ``Timeouts``.
    ``pinned``: its runs go on only where the code has the version (``ORCHESTRATOR["VERSION"]``) they began with.
    ``machine``: its runs execute in a process of their own with these limits, a preset or a ``Machine``;
    ``on_out_of_memory``: a larger one to go on with when that was not enough. ``max_duration``: how long a run may
    execute in all, waits and sleeps not counted.
    ``retention``: how long its runs are kept after their end, "forever" too; as ORCHESTRATOR["RETENTION"] says without.
    ``expected_within``: it is shown as overdue when no run has completed for that long.
    Raises InvalidFunction, InvalidExpression, InvalidCron, InvalidDuration.
    """
    sources = [on] if isinstance(on, str | type | Timed | On) else list(on)
    limits = {"machine": machine, "on_out_of_memory": on_out_of_memory, "max_duration": max_duration}
    return FunctionDecorator(
        sources=sources,
        id=id,
        name=name,
        if_=if_,
        retries=retries,
        queue=queue,
        pinned=pinned,
        flow=flow,
        retention=retention,
        expected_within=expected_within,
        **limits,
    )


def task(
    *,
    id: str | None = None,
    name: str | None = None,
    retries: Retries | int | None = None,
    queue: str | None = None,
    pinned: bool = False,
    flow: Iterable[FlowControl] = (),
    machine: Preset | Machine | None = None,
    on_out_of_memory: Preset | Machine | None = None,
    max_duration: Duration | None = None,
    retention: Duration | None = None,
    expected_within: Duration | None = None,
) -> TaskDecorator:
    """Declares a function that is called by name and arguments: ``.trigger()``, ``.trigger_and_wait()``.

    The options are those of ``function``.
    """
    limits = {"machine": machine, "on_out_of_memory": on_out_of_memory, "max_duration": max_duration}
    return TaskDecorator(
        sources=[],
        id=id,
        name=name,
        if_=None,
        retries=retries,
        queue=queue,
        pinned=pinned,
        flow=flow,
        retention=retention,
        expected_within=expected_within,
        **limits,
    )
