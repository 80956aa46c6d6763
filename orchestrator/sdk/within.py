"""A time limit of a step's body: what takes longer is a failed attempt."""

import asyncio
import inspect
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from orchestrator.core.durations import format_duration
from orchestrator.core.errors import MisplacedCall


def within(function: Callable[..., Any], limit: timedelta | None) -> Callable[..., Any]:
    """The body, cancelled with TimeoutError when it takes longer. Raises MisplacedCall for a sync one."""
    if limit is None:
        return function
    if not inspect.iscoroutinefunction(function):
        name = getattr(function, "__name__", repr(function))
        raise MisplacedCall(
            f"with_timeout is for async bodies, and {name} is a sync one, which cannot be stopped in its thread:"
            " make it async, or give the function a machine and a max_duration"
        )

    @wraps(function)
    async def limited(*args: Any, **kwargs: Any) -> Any:
        scope = asyncio.timeout(limit.total_seconds())
        try:
            async with scope:
                return await function(*args, **kwargs)
        except TimeoutError:
            if not scope.expired():
                raise
            raise TimeoutError(f"it took longer than {format_duration(limit)}, the timeout of the step") from None

    return limited
