"""The execution of a child process: the same local executor as in the engine, on the other end of a pipe."""

import asyncio
import logging
import os
import resource
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from orchestrator.core.machines import size_text
from orchestrator.core.ops import OUT_OF_MEMORY, CallRequest, ErrorInfo, Status
from orchestrator.engine import bell, capture
from orchestrator.engine.catalog import Catalog
from orchestrator.engine.clock import system_clock
from orchestrator.engine.facts import RunFacts
from orchestrator.engine.journal.items import Item
from orchestrator.engine.recording import Recorder
from orchestrator.engine.runtime import current, leave
from orchestrator.engine.starting import Starting
from orchestrator.engine.transactions import transact
from orchestrator.executors.base import Execution
from orchestrator.executors.local import LocalExecutor
from orchestrator.sdk.branches import task_factory
from orchestrator.sdk.failure import TOLD_AS
from orchestrator.sdk.registry import Definition, registry
from orchestrator.sdk.scope import CURRENT
from orchestrator.sdk.transport import StepRun
from orchestrator.workers.pipe import Pipe, PipeSink
from orchestrator.workers.threads import BodyThreads

BODY_THREADS = 32
LEAVE_SECONDS = 5.0  # for events that author code has sent


def execute(pipe: Pipe, start: dict[str, Any]) -> None:
    """Executes the run that ``start`` describes, and ends the process."""
    definition = _definition(start["function"], start["module"])
    request = TypeAdapter(CallRequest).validate_python(start["request"])
    _explain_memory(start["limit"])
    _speak_once()
    bell.subscribe(lambda changes: pipe.tell("committed", changes=[list(change) for change in changes]))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_task_factory(task_factory)  # type: ignore[arg-type]
    pool = BodyThreads(BODY_THREADS, loop)
    transact_ = _transactions(start["lease"], request)
    sink = PipeSink(pipe, pool, transact_, loop.stop, scratch=Path(start["scratch"]))
    executor = LocalExecutor(pool.submit)
    pipe.tell("executing")
    loop.call_soon(lambda: _Controlled(executor.start(definition, request, sink), sink, pool).listen(pipe))
    loop.run_forever()
    pool.wait_for_cleanup()
    leave(LEAVE_SECONDS)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # Python's own exit would wait for a body that nobody waits for any more


def _definition(function: str, module: str) -> Definition:
    """Functions of installed apps are known by now; others are declared in a module that has to be imported."""
    if registry.find(function) is None:
        import_module(module)
    return registry.get(function)


class _Controlled:
    """The execution, as far as the engine moves it."""

    def __init__(self, execution: Execution, sink: PipeSink, pool: BodyThreads) -> None:
        self._execution = execution
        self._sink = sink
        self._pool = pool
        self._loop = asyncio.get_running_loop()

    def listen(self, pipe: Pipe) -> None:
        hear = lambda message: self._loop.call_soon_threadsafe(self._do, message)  # noqa: E731
        threading.Thread(target=pipe.listen, args=(hear,), name="signalbox-pipe", daemon=True).start()

    def _do(self, message: dict[str, Any]) -> None:
        if message["do"] == "suspend":
            self._execution.suspend()
            self._pool.unwind()
            return
        self._sink.seen += 1
        if message["do"] == "settle":
            status = Status(message["status"]) if message["status"] else None
            error = TypeAdapter(ErrorInfo | None).validate_python(message["error"])
            self._execution.settle(message["key"], status, message["output"], error)
        self._execution.check()


class _Lease:
    """The journal as ``step.transaction`` needs it here: whose lease it is, and a way to ask the database."""

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def submit(self, item: Item) -> "Future[Any]":
        return current().journal.submit(item)


def _transactions(lease: dict[str, Any], request: CallRequest) -> Callable[[StepRun, Callable[[], Any]], str]:
    recorder = Recorder(
        TypeAdapter(RunFacts).validate_python(lease["facts"]),
        request,
        lease["worker"],
        Starting(system_clock, Catalog()),
        lease["blob_bytes"],
        lease["max_value_bytes"],
    )
    return lambda step, function: transact(lease["database"], _Lease(lease["owner"]), recorder, step, function)


def _explain_memory(limit: str | None) -> None:
    """A MemoryError is told with the limit that it met."""
    if limit is None:
        return

    def tell(error: BaseException) -> tuple[str, str]:
        peak = size_text(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        asked = f" ({error})" if str(error) else ""
        return OUT_OF_MEMORY, f"it asked for more than the limit of {limit} allows{asked}; it held at most {peak}"

    TOLD_AS[MemoryError] = tell


def _speak_once() -> None:
    """What a run logs or prints goes over the pipe with its step; the streams are for everything else."""
    known = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    for handler in {handler for logger in (logging.root, *known) for handler in logger.handlers}:
        handler.addFilter(lambda _: CURRENT.get() is None)
    capture.start(copy=False)
