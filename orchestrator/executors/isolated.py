"""Runs in a process of their own: the ops come over a pipe and are answered once they are durable."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from dataclasses import replace
from datetime import datetime
from typing import Any

from orchestrator.core.errors import OrchestratorError
from orchestrator.core.machines import size_text
from orchestrator.core.ops import (
    OUT_OF_MEMORY,
    CallRequest,
    ErrorInfo,
    Op,
    OpKind,
    RunErrored,
    Status,
    StepCompleted,
    StepErrored,
    WaitOpened,
)
from orchestrator.executors.base import Execution, RemoteSink
from orchestrator.executors.nursery import Nursery
from orchestrator.executors.process import Child
from orchestrator.executors.ward import Ward
from orchestrator.executors.wire import op_from_wire, retries_from_wire
from orchestrator.sdk.registry import Definition
from orchestrator.sdk.transport import StepRun, Suspend


class IsolatedExecution:
    """The engine's end of the pipe."""

    parks = False  # a waiting run holds no process

    def __init__(self, definition: Definition, request: CallRequest, sink: RemoteSink, nursery: Nursery) -> None:
        self.in_memory = definition.is_async
        self._sink = sink
        self._nursery = nursery
        self._limits = definition.limits
        self._ward: Ward | None = None
        self._child: Child | None = None
        self._starved: ErrorInfo | None = None  # memory ran out, and it is to go on with more
        self._over = False  # it was told to unwind
        self._ended = False  # it has said its last word
        self._told = 0  # what may have moved a branch since the child was last quiet
        self._early: list[dict[str, Any]] = []  # what is told before the child is there
        self._attempt = request.attempt
        self._bodies: dict[str, StepRun] = {}  # the last of each step
        self._running: dict[str, StepRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.main = self._background(self._live(definition, request))

    async def _live(self, definition: Definition, request: CallRequest) -> None:
        async with self._nursery.slots:
            reason = "" if self._over else await self._execute(definition, request)
        if self._ended:
            return
        if self._over:
            self._sink.finished(None)
        elif self._starved is not None:
            self._sink.starved(self._starved, list(self._running.values()))
        else:
            self._sink.crashed(reason)

    async def _execute(self, definition: Definition, request: CallRequest) -> str:
        machine = self._limits.machine
        if self._limits.larger is not None and await self._sink.was_enlarged():
            machine = self._limits.larger
        try:
            ward = self._ward = await self._nursery.take(machine, self._sink.sampled)
        except OSError as error:
            return f"could not be started: {error}"
        child = self._child = ward.child
        try:
            self._begin(child, definition, request)
            async for message in child.messages():
                self._hear(child, message)
            reason = await child.ended()
            if ward.out_of_memory:
                self._starved = self._out_of_memory(ward)
            elif ward.starved_by_others:
                reason += ", as the host or the engine's own group had no memory left"
            return reason
        finally:
            child.kill()
            self._nursery.leave(ward)

    def _begin(self, child: Child, definition: Definition, request: CallRequest) -> None:
        child.listen(self._said)
        self._sink.executes_in(child.pid)
        what = {"function": definition.id, "module": definition.body.__module__}
        machine = self._ward.machine if self._ward is not None else None
        where = {"scratch": str(self._sink.scratch()), "limit": None if machine is None else str(machine)}
        child.send({"request": request, "lease": self._sink.lease(), **what, **where})
        while self._early:
            child.send(self._early.pop(0))
        if self._over:
            self._unwind(child)

    def _out_of_memory(self, ward: Ward) -> ErrorInfo:
        held = size_text(ward.peak_bytes)
        return ErrorInfo(OUT_OF_MEMORY, f"its processes held {held}, the limit is {ward.machine}")

    @property
    def _may_grow(self) -> bool:
        """Whether memory that ran out is a reason to go on with a larger machine."""
        larger = self._limits.larger
        return larger is not None and self._ward is not None and self._ward.machine is not larger

    def _background(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        # In a context of its own: it is no branch of the run that happens to ask for it.
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # From the child

    def _hear(self, child: Child, message: dict[str, Any]) -> None:
        match message["did"]:
            case "executing":
                if self._ward is not None:
                    self._ward.executes()
                self._nursery.renew_spare()  # not before: they would slow each other down
                self._sink.executing()
            case "commit":
                self._background(self._commit(child, message))
            case "open_wait":
                op = op_from_wire(message["op"])
                assert isinstance(op, WaitOpened)
                self._sink.open_wait(op)
            case "quiet":
                if message["seen"] == self._told and not self._over:
                    self._sink.quiet()
            case "take_signal":
                child.send({"answer": message["n"], "value": self._sink.take_signal(message["name"])})
            case "began" | "ended":
                self._note_body(message)
            case "log":
                self._sink.log(*message["line"])
            case "progress":
                self._sink.progress(message["fraction"], message["message"])
            case "committed":
                self._sink.committed(message["changes"])
            case "finished":
                self._finished(child, op_from_wire(message["op"]))

    def _finished(self, child: Child, op: Op | None) -> None:
        if isinstance(op, RunErrored) and self._grows(child, op.error):
            return
        self._ended = True
        self._sink.finished(op)

    def _grows(self, child: Child, error: ErrorInfo) -> bool:
        """Whether the run goes on elsewhere, because of what it said last."""
        if error.type != OUT_OF_MEMORY or not self._may_grow or self._over:
            return False
        self._starved = error
        child.kill()
        return True

    async def _commit(self, child: Child, message: dict[str, Any]) -> None:
        op = op_from_wire(message["op"])
        assert op is not None
        if isinstance(op, StepErrored) and self._grows(child, op.error):
            self._running[op.key] = self._bodies[op.key]  # it is lost, not failed
            return
        answer: dict[str, Any] = {"answer": message["n"]}
        try:
            await self._sink.commit(self._as_seen(op))
        except Suspend:
            answer["suspend"] = True
        except OrchestratorError as error:
            answer |= {"error": type(error).__name__, "message": str(error)}
        child.send(answer)

    def _as_seen(self, op: Op) -> Op:
        """Whether others have seen the body run is known here, not in the child."""
        if isinstance(op, StepCompleted | StepErrored) and (body := self._bodies.get(op.key)) and body.recorded:
            return replace(op, recorded=True)
        return op

    def _note_body(self, message: dict[str, Any]) -> None:
        key, op, ordinal, attempt, started_at, lost, retries = message["step"]
        if message["did"] == "ended":
            self._sink.body_ended(self._running.pop(key))
            return
        began = datetime.fromisoformat(started_at)
        step = StepRun(key, OpKind(op), ordinal, attempt, began, lost=lost, retries=retries_from_wire(retries))
        self._bodies[key] = self._running[key] = step
        self._sink.body_began(step)

    def _said(self, stream: str, line: str) -> None:
        """What the process itself wrote: native code, its own children, a traceback of the interpreter."""
        alone = next(iter(self._running.values())) if len(self._running) == 1 else None
        key, attempt = (alone.key, alone.attempt) if alone is not None else ("", self._attempt)
        self._sink.log(key, attempt, "ERROR" if stream == "stderr" else "INFO", stream, line)

    # From the engine

    def settle(self, key: str, status: Status | None, output: Any, error: ErrorInfo | None) -> None:
        self._tell({"do": "settle", "key": key, "status": status, "output": output, "error": error})

    def check(self) -> None:
        self._tell({"do": "check"})

    def _tell(self, message: dict[str, Any]) -> None:
        self._told += 1
        if self._child is not None:
            self._child.send(message)
        else:
            self._early.append(message)

    def look(self) -> bool:
        """What it awaits outside its steps keeps nobody else waiting."""
        return False

    def suspend(self) -> None:
        if not self._over:
            self._over = True
            if self._child is not None:
                self._unwind(self._child)

    def kill(self) -> None:
        """At once: what it does counts no more."""
        self._over = True
        if self._child is not None:
            self._child.kill()
        else:
            self.main.cancel()

    def _unwind(self, child: Child) -> None:
        child.send({"do": "suspend"})
        child.end_soon()


class IsolatedExecutor:
    """``processes``: how many may run at once; further runs wait for one to end. ``spare``: one stands ready."""

    def __init__(self, processes: int, *, spare: bool) -> None:
        self._nursery = Nursery(processes, spare=spare)
        self._executions: set[IsolatedExecution] = set()

    def start(self, definition: Definition, request: CallRequest, sink: RemoteSink) -> Execution:
        execution = IsolatedExecution(definition, request, sink, self._nursery)
        self._executions.add(execution)
        execution.main.add_done_callback(lambda _: self._executions.discard(execution))
        return execution

    @property
    def idle(self) -> bool:
        """No run executes in a process of its own."""
        return not self._executions and self._nursery.idle

    @property
    def spare_pid(self) -> int | None:
        """The process that the next run will find ready."""
        return self._nursery.spare_pid

    def kill_all(self) -> None:
        """At the end: with the process that waits for a run."""
        for execution in tuple(self._executions):
            execution.kill()
        self._nursery.close()

    def close(self) -> None:
        """At the very end, from any thread."""
        self._nursery.dismiss_warden()
