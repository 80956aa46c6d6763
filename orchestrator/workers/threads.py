"""Threads of a child process whose bodies can be unwound: the process ends, so nothing else is harmed by it."""

import asyncio
import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from orchestrator.engine.pool import ThreadPool
from orchestrator.sdk.transport import Suspend


class BodyThreads(ThreadPool):
    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(size, loop)
        self._executing: set[int] = set()
        self._unwound = False

    def unwind(self) -> None:
        """Raises Suspend in each body, at its next line of Python: ``finally`` and ``with`` clean up."""
        self._unwound = True
        for thread in tuple(self._executing):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Suspend))

    def wait_for_cleanup(self) -> None:
        """Bodies that were unwound come to their end, or to that of the engine's patience."""
        if self._unwound:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def _start(self, function: Callable[[], Any]) -> "Future[Any]":
        return super()._start(lambda: self._execute(function))

    def _execute(self, function: Callable[[], Any]) -> Any:
        thread = threading.get_ident()
        self._executing.add(thread)
        try:
            return function()
        finally:
            self._executing.discard(thread)
