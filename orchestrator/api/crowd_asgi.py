"""A line in front of Django, which takes a thread for each request: a thousand at once would stop the process."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
AT_ONCE = 32  # more threads than this answer fewer requests a second: they contend for one interpreter


class CrowdApp:
    """Passes requests on in the order in which they came, ``at_once`` of them at a time; the others are futures.

    ``free``: paths that do not wait, and are not waited for.
    """

    def __init__(self, app: AsgiApp, at_once: int = AT_ONCE, free: Collection[str] = ()) -> None:
        self.app = app
        self.free = free
        self._places = asyncio.Semaphore(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in self.free:
            await self.app(scope, receive, send)
            return
        async with self._places:
            await self.app(scope, receive, send)
