"""Steps that an async function has asked for and nobody has awaited yet."""

from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, TypeVar, cast

M = TypeVar("M", bound=Callable[..., Coroutine[Any, Any, Any]])
LOOK_EVERY = 64  # steps


class Asked:
    """Coroutines of steps; those that have begun are dropped now and then."""

    def __init__(self) -> None:
        self._coroutines: list[tuple[str, Coroutine[Any, Any, Any]]] = []
        self._room = LOOK_EVERY

    def add(self, step: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutines.append((step, coroutine))
        if len(self._coroutines) > self._room:
            self._coroutines = self._unbegun()
            self._room = LOOK_EVERY + 2 * len(self._coroutines)

    def never_awaited(self) -> list[str]:
        """Their ids, once: they cannot begin any more."""
        left = self._unbegun()
        self.forget()
        for _, coroutine in left:
            coroutine.close()
        return [step for step, _ in left]

    def forget(self) -> None:
        self._coroutines = []

    def _unbegun(self) -> list[tuple[str, Coroutine[Any, Any, Any]]]:
        return [(step, c) for step, c in self._coroutines if getcoroutinestate(c) == CORO_CREATED]


def asked(tool: M) -> M:
    """A step tool whose run knows that it was asked for, though it may never be awaited."""

    @wraps(tool)
    def ask(self: Any, id: str, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        coroutine = tool(self, id, *args, **kwargs)
        self._inv.asked.add(id, coroutine)
        return coroutine

    return cast(M, ask)
