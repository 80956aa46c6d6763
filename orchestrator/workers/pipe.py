"""The child's end of the pipe: what an execution says goes to the engine, which answers once it is durable."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from orchestrator.core import errors
from orchestrator.core.errors import OrchestratorError
from orchestrator.core.ops import Op, WaitOpened
from orchestrator.engine.clock import system_clock
from orchestrator.engine.latest import PROGRESS_SECONDS, Latest
from orchestrator.engine.pool import ThreadPool
from orchestrator.executors.wire import HEAD, frame, op_to_wire, retries_to_wire, unframe
from orchestrator.sdk.transport import StepRun, Suspend

ORPHANED = 70  # exit code of a child whose engine is gone


class Pipe:
    """Frames in both directions; answers resolve the futures of those who asked."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")
        self._numbers = count(1)
        self._asked: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()

    def read(self) -> dict[str, Any]:
        """The next frame. A process whose engine is gone has nothing more to do: it ends here."""
        head = self._reader.read(HEAD)
        if len(head) < HEAD:
            os._exit(ORPHANED)
        return unframe(self._reader.read(int.from_bytes(head, "big")))

    def listen(self, hear: Callable[[dict[str, Any]], None]) -> None:
        """For ever, in a thread of its own: answers go to who asked, the rest to ``hear``."""
        while True:
            message = self.read()
            if "answer" in message:
                self._resolve(self._asked.pop(message["answer"]), message)
            else:
                hear(message)

    def _resolve(self, asked: "Future[Any]", answer: dict[str, Any]) -> None:
        if answer.get("suspend"):
            asked.set_exception(Suspend())
        elif "error" in answer:
            kind = getattr(errors, answer["error"], OrchestratorError)
            asked.set_exception(kind(answer["message"]))
        else:
            asked.set_result(answer.get("value"))

    def tell(self, did: str, **message: Any) -> None:
        with self._lock:
            self._connection.sendall(frame({"did": did, **message}))

    def ask(self, did: str, **message: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        number = next(self._numbers)
        self._asked[number] = future
        self.tell(did, n=number, **message)
        return future


class PipeSink:
    """The sink of the one execution of this process. ``seen`` counts what may have moved a branch."""

    def __init__(
        self,
        pipe: Pipe,
        pool: ThreadPool,
        transact: Callable[[StepRun, Callable[[], Any]], str],
        end: Callable[[], None],
        *,
        scratch: Path,
    ) -> None:
        self._pipe = pipe
        self._pool = pool
        self._end = end
        self._scratch = scratch
        self._progress = Latest(self._tell_progress)
        self.transact = transact
        self.seen = 0

    def now(self) -> datetime:
        return system_clock.now()

    def entropy(self) -> float:
        return system_clock.entropy()

    def new_id(self) -> str:
        return system_clock.new_id()

    async def commit(self, op: Op) -> None:
        await asyncio.wrap_future(self._pipe.ask("commit", op=op_to_wire(op)))

    def commit_blocking(self, op: Op) -> None:
        self._pipe.ask("commit", op=op_to_wire(op)).result()

    def open_wait(self, op: WaitOpened) -> None:
        self._pipe.tell("open_wait", op=op_to_wire(op))

    def quiet(self) -> None:
        self._pipe.tell("quiet", seen=self.seen)

    def take_signal(self, name: str) -> tuple[int, Any] | None:
        taken = self._pipe.ask("take_signal", name=name).result()
        return None if taken is None else (taken[0], taken[1])

    def body_began(self, step: StepRun) -> None:
        self._pipe.tell("began", step=_on_wire(step))

    def body_ended(self, step: StepRun) -> None:
        self._pipe.tell("ended", step=_on_wire(step))

    async def call(self, function: Callable[[], Any]) -> Any:
        return await self._pool.call(function)

    def spawn(self, function: Callable[[], Any]) -> Callable[[], Any] | None:
        return self._pool.spawn(function)

    def log(self, key: str, number: int, level: str, logger: str, message: str) -> None:
        self._pipe.tell("log", line=[key, number, level, logger, message])

    def scratch(self) -> Path:
        return self._scratch

    def progress(self, fraction: float, message: str) -> None:
        if self._progress.put((fraction, message)):
            self._pool.on_loop(self._flush_soon)

    def _flush_soon(self) -> None:
        asyncio.get_running_loop().call_later(PROGRESS_SECONDS, self._progress.flush)

    def _tell_progress(self, latest: tuple[float, str]) -> None:
        self._pipe.tell("progress", fraction=latest[0], message=latest[1])

    def finished(self, op: Op | None) -> None:
        self._progress.flush()
        self._pipe.tell("finished", op=op_to_wire(op))
        self._end()


def _on_wire(step: StepRun) -> list[Any]:
    place = [step.key, step.op, step.ordinal, step.attempt, step.started_at]
    return [*place, step.lost, retries_to_wire(step.retries)]
