"""Brings the engine's bells to the websockets of this process. Nobody connected, nothing subscribed, no timer."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Protocol

from orchestrator.engine import bell


class Listener(Protocol):
    """A connection that wants to know which runs moved on."""

    def woken(self, runs: frozenset[str]) -> None: ...
    async def farewell(self) -> None: ...


class Hub:
    """Listeners by event loop: bells ring on the committing thread and hop to each loop once per turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.AbstractEventLoop, set[Listener]] = {}
        self._pending: dict[asyncio.AbstractEventLoop, set[str]] = {}
        self._unsubscribe: Callable[[], None] | None = None

    def join(self, listener: Listener) -> None:
        """Adds a listener on the running loop; the first one subscribes to the bell."""
        with self._lock:
            self._listeners.setdefault(asyncio.get_running_loop(), set()).add(listener)
            if self._unsubscribe is None:
                self._unsubscribe = bell.subscribe(self._heard)

    def leave(self, listener: Listener) -> None:
        """Removes a listener; after the last one no bell is heard."""
        with self._lock:
            loop = asyncio.get_running_loop()
            listeners = self._listeners.get(loop, set())
            listeners.discard(listener)
            if not listeners:
                self._listeners.pop(loop, None)
                self._pending.pop(loop, None)
            if not self._listeners and self._unsubscribe:
                self._unsubscribe()
                self._unsubscribe = None

    def farewell(self) -> None:
        """Sends everybody away, because this process ends: another one takes over. From any thread."""
        with self._lock:
            listening = [(loop, tuple(listeners)) for loop, listeners in self._listeners.items()]
        for loop, listeners in listening:
            for listener in listeners:
                asyncio.run_coroutine_threadsafe(listener.farewell(), loop)

    def _heard(self, changes: Sequence[bell.Change]) -> None:
        runs = {change.run for change in changes}
        with self._lock:
            for loop in self._listeners:
                waiting = self._pending.get(loop)
                if waiting is not None:
                    waiting |= runs
                elif not loop.is_closed():
                    self._pending[loop] = set(runs)
                    # A context of its own: the committing thread's one would say that asgiref's executor is busy.
                    loop.call_soon_threadsafe(self._deliver, loop, context=Context())

    def _deliver(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            runs = frozenset(self._pending.pop(loop, ()))
            listeners = tuple(self._listeners.get(loop, ()))
        for listener in listeners:
            listener.woken(runs)


hub = Hub()
