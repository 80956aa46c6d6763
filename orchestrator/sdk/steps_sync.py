"""The step tools of sync functions: ``ctx.step``. A wait unwinds the function; it is called again with its memos."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import copy_context
from datetime import datetime
from functools import partial
from typing import Any, ParamSpec, TypeVar, overload

from orchestrator.core.durations import parse_duration
from orchestrator.core.ops import OpKind
from orchestrator.core.retry import Retries
from orchestrator.sdk import programs
from orchestrator.sdk.asking import Asking, Duration, received, step_ids
from orchestrator.sdk.callable import Callee
from orchestrator.sdk.drivers import drive_blocking
from orchestrator.sdk.events import Event
from orchestrator.sdk.transport import Suspend

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item


class SyncStepTools(Asking):
    """Each tool is a durable step under the id it is given; a repeated id gets ``:1``, ``:2``."""

    def with_retries(self, retries: Retries | int) -> "SyncStepTools":
        """The same tools with another retry policy for their bodies."""
        return SyncStepTools(self._inv, Retries.of(retries))

    def run(self, id: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the body once and remembers its result; retried alone. Raises StepError when it failed for good."""
        result: R = self._drive(self._run(id, function, args, kwargs, OpKind.RUN))
        return result

    def transaction(self, id: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """The same for a body of Django ORM writes: they and the checkpoint commit together, exactly once."""
        result: R = self._drive(self._run(id, function, args, kwargs, OpKind.TRANSACTION))
        return result

    def sleep(self, id: str, duration: Duration) -> None:
        """Rests for that long; holds no thread, slot or process."""
        self._drive(programs.sleep(self._inv, id, parse_duration(duration)))

    def sleep_until(self, id: str, moment: datetime | str) -> None:
        """Rests until that aware moment (or ISO 8601 text)."""
        self._drive(self._sleep_until(id, moment))

    @overload
    def wait_for_event(
        self, id: str, what: type[T], *, match: str | None = ..., if_: str | None = ..., timeout: Duration | None = ...
    ) -> Event[T] | None: ...
    @overload
    def wait_for_event(
        self, id: str, what: str, *, match: str | None = ..., if_: str | None = ..., timeout: Duration | None = ...
    ) -> Event[dict[str, Any]] | None: ...
    def wait_for_event(
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
        return received(self._drive(self._wait_for_event(id, what, match, if_, timeout)), what)

    def wait_for_signal(self, id: str, name: str | None = None, *, timeout: Duration | None = None) -> Any:
        """Payload of the next signal of that name (default: the id), one sent before included; None on time-out."""
        return self._drive(self._wait_for_signal(id, name, timeout))

    def invoke(self, id: str, target: Callee[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs another function as a child and answers its output. Raises StepError when it did not complete."""
        result: R = self._drive(self._invoke(id, target.definition, args, kwargs))
        return result

    def send_event(
        self, id: str, what: object, data: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> list[str]:
        """Sends an event (a payload instance, a list of them, or a name and its data); their ids."""
        ids: list[str] = self._drive(self._send_event(id, what, data, key))
        return ids

    def parallel(self, *branches: Callable[[], Any]) -> list[Any]:
        """Runs the branches at once, each with step ids of its own; their results in order.

        Ends when every branch has ended or rests. The first error of a branch is raised then.
        """
        self._inv.forked = True
        try:
            return _join([self._spawn(branch) for branch in branches])
        except Suspend:
            self._inv.rests = True
            raise
        except Exception:  # author code
            self._inv.rests = False  # the failure goes before a branch that rests: its author may catch it and go on
            raise

    @overload
    def map(
        self,
        id: str,
        function: Callee[[I], R],
        items: Iterable[I],
        *,
        concurrency: int | None = ...,
        key: Callable[[I], str] | None = ...,
    ) -> list[R]: ...
    @overload
    def map(
        self,
        id: str,
        function: Callable[[I], R],
        items: Iterable[I],
        *,
        concurrency: int | None = ...,
        key: Callable[[I], str] | None = ...,
    ) -> list[R]: ...
    def map(
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
        if isinstance(function, Callee):
            children = [partial(self._one_child, one, function, item) for one, item in zip(ids, elements, strict=True)]
            return _join_in_turn(children, concurrency or len(children))
        if key is None:  # numbered here: branches begin in any order
            ids = [f"{id}:{n}" if n else id for n in range(len(elements))]
        bodies = [partial(self._one_step, id, one, function, item) for one, item in zip(ids, elements, strict=True)]
        results: list[Any] = []
        for start in range(0, len(bodies), concurrency or max(len(bodies), 1)):
            results += self.parallel(*bodies[start : start + (concurrency or len(bodies))])
        return results

    def _one_child(self, id: str, target: Callee[Any, Any], item: Any) -> Any:
        return self._drive(self._invoke(id, target.definition, (item,), {}))

    def _one_step(self, id: str, step_id: str, function: Callable[..., Any], item: Any) -> Any:
        return self._drive(self._each(id, step_id, function, item))

    def _spawn(self, branch: Callable[[], Any]) -> Callable[[], Any]:
        """Starts a branch on a free thread, or runs it here: a full pool cannot lock itself up."""
        call = partial(copy_context().run, branch)
        waiting = self._inv.transport.spawn(call)
        if waiting is not None:
            return waiting
        try:
            value = branch()
        except BaseException as error:  # raised again where the branches are joined
            return partial(_raise, error)
        return lambda: value

    def _drive(self, program: programs.Program) -> Any:
        return drive_blocking(program, self._inv)


def _raise(error: BaseException) -> Any:
    raise error


def _join(waiting: Sequence[Callable[[], Any]]) -> list[Any]:
    """Results of all branches. A failed one is raised before a resting one unwinds the run: the failure is settled."""
    results: list[Any] = []
    resting: Suspend | None = None
    failed: BaseException | None = None
    for wait in waiting:
        try:
            results.append(wait())
        except Suspend as suspend:
            resting = suspend
        except BaseException as error:  # the first one is raised when all have ended
            failed = failed or error
    if failed is not None:
        raise failed
    if resting is not None:
        raise resting
    return results


def _join_in_turn(children: Sequence[Callable[[], Any]], at_once: int) -> list[Any]:
    """Opens up to ``at_once`` children that have not ended: that only opens their waits, so no thread is needed."""
    results: list[Any] = []
    resting: list[Suspend] = []
    failed: BaseException | None = None
    for child in children:
        if len(resting) >= at_once:
            break
        try:
            results.append(child())
        except Suspend as suspend:
            resting.append(suspend)
        except Exception as error:  # the first one is raised when all have ended
            failed = failed or error
    if resting:
        raise resting[0]
    if failed is not None:
        raise failed
    return results
