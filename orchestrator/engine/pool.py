"""Threads for author code: sync functions, sync step bodies, branches of ``step.parallel``."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Protocol

from django.db import close_old_connections


class BodyPool(Protocol):
    def submit(self, function: Callable[[], None]) -> None:
        """Runs it in a thread."""

    async def call(self, function: Callable[[], Any]) -> Any:
        """Runs it in a thread, in the caller's context, and answers its result."""

    def spawn(self, function: Callable[[], Any]) -> Callable[[], Any] | None:
        """Starts it if a thread is free; what is answered waits for its result."""

    def on_loop(self, function: Callable[[], None]) -> None:
        """From a body thread: runs it on the engine's loop, soon."""

    def close(self) -> None: ...


def _with_connections(function: Callable[[], Any]) -> Any:
    close_old_connections()
    try:
        return function()
    finally:
        close_old_connections()


class ThreadPool:
    """``size`` threads with Django connections of their own."""

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self._size = size
        self._loop = loop
        self._busy = 0
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="signalbox-body")

    def submit(self, function: Callable[[], None]) -> None:
        self._start(function)

    async def call(self, function: Callable[[], Any]) -> Any:
        context = copy_context()
        return await asyncio.wrap_future(self._start(lambda: context.run(function)), loop=self._loop)

    def spawn(self, function: Callable[[], Any]) -> Callable[[], Any] | None:
        with self._lock:
            if self._busy >= self._size:
                return None
        return self._start(function).result

    def on_loop(self, function: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(function)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _start(self, function: Callable[[], Any]) -> "Future[Any]":
        with self._lock:
            self._busy += 1
        future = self._threads.submit(_with_connections, function)
        future.add_done_callback(self._freed)
        return future

    def _freed(self, _: object) -> None:
        with self._lock:
            self._busy -= 1


class InlinePool:
    """No threads: bodies run where they are called. For the Harness."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def submit(self, function: Callable[[], None]) -> None:
        self._loop.call_soon(lambda: _outside_loop(function))

    async def call(self, function: Callable[[], Any]) -> Any:
        return _outside_loop(function)

    def spawn(self, function: Callable[[], Any]) -> Callable[[], Any] | None:
        return None

    def on_loop(self, function: Callable[[], None]) -> None:
        self._loop.call_soon(function)

    def close(self) -> None:
        """Nothing to end."""


def _outside_loop(function: Callable[[], Any]) -> Any:
    """Sync code sees no running loop, as it would in a thread: Django's ORM refuses to work beside one."""
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return function()
    finally:
        asyncio._set_running_loop(loop)
