"""The client for code that blocks. Threads may share one."""

import random
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar, overload
from uuid import uuid4

import httpx

from orchestrator.client import http
from orchestrator.client.asking import Asking, as_type
from orchestrator.client.configuration import RETRIES, configure
from orchestrator.client.effects import Pause, Program, Reply, Request, Unanswered
from orchestrator.client.programs import Programs
from orchestrator.client.values import Event, Run
from orchestrator.core.durations import Duration
from orchestrator.core.ops import Status
from orchestrator.core.retry import Retries

T = TypeVar("T")


class Client:
    """Signalbox at ``url``, else at SIGNALBOX_URL; ``key`` is an API key, else SIGNALBOX_API_KEY.

    ``timeout`` bounds one try of a request. ``retries`` counts the tries after the first one, or is a whole policy.
    Durations are "10s", a timedelta or a number of seconds. Raises Misconfigured, InvalidDuration, InvalidInput.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout: Duration = "10s",
        retries: Retries | int = RETRIES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        configuration = configure(url, key, timeout, retries)
        asking = Asking(configuration.retries, configuration.timeout_seconds, time.monotonic, random.random)
        self._programs = Programs(asking, lambda: uuid4().hex)
        self._http = httpx.Client(transport=transport, **http.options(configuration))

    def send(
        self,
        name: str,
        data: Any = None,
        *,
        id: str | None = None,
        ts: datetime | None = None,
        user: Mapping[str, Any] | None = None,
        v: str | None = None,
    ) -> str:
        """Sends one event; its id, once it and the runs it starts are stored. ``id`` makes sending it twice harmless.

        Raises ApiError, ConnectionFailed, Unserialisable.
        """
        return self.send_many([Event(name, {} if data is None else data, id, ts, user, v)])[0]

    def send_many(self, events: Iterable[Event]) -> list[str]:
        """Sends several events in one request: all are stored, or none. Their ids, in order. Raises as ``send``."""
        return self._perform(self._programs.send(events))

    def trigger(self, function: str, data: Any = None, *, key: str | None = None, delay: Duration | None = None) -> str:
        """Starts a function or task by its id; the run's id. A second call with the same ``key`` gets the first run.

        Raises NotFound, InvalidRequest and other ApiErrors, ConnectionFailed, Unserialisable, InvalidDuration.
        """
        return self._perform(self._programs.trigger(function, data, key, delay))

    @overload
    def result(self, run_id: str, timeout: Duration | None = None) -> Any: ...
    @overload
    def result(self, run_id: str, timeout: Duration | None = None, *, into: type[T]) -> T: ...
    def result(self, run_id: str, timeout: Duration | None = None, *, into: Any = None) -> Any:
        """Waits for the end of a run; what it returned, as an instance of ``into`` if that is given.

        Raises RunFailed, RunCancelled, Timeout, NotFound and other ApiErrors, ConnectionFailed, UnexpectedAnswer.
        """
        output = self._perform(self._programs.result(run_id, timeout))
        return output if into is None else as_type(into, output)

    def wait(self, run_id: str, timeout: Duration | None = None) -> Run:
        """Waits for the end of a run, however it ends. Raises Timeout, ApiError, ConnectionFailed."""
        return self._perform(self._programs.wait(run_id, timeout))

    def get_run(self, run_id: str) -> Run:
        """A run with its steps and their attempts. Raises NotFound and other ApiErrors, ConnectionFailed."""
        return self._perform(self._programs.get_run(run_id))

    def status(self, run_id: str) -> Status:
        """The status of a run now. Raises as ``get_run``."""
        return self.get_run(run_id).status

    def event_runs(self, event_id: str) -> list[Run]:
        """The runs that an event started, newest first, without their steps. Raises as ``get_run``."""
        return self._perform(self._programs.event_runs(event_id))

    def signal(self, run_id: str, name: str, data: Any = None, *, key: str | None = None) -> None:
        """Sends a signal to a run; a repeated ``key`` is ignored. Raises Conflict when the run has ended, NotFound."""
        self._perform(self._programs.signal(run_id, name, data, key))

    def cancel(self, run_id: str, reason: str = "") -> None:
        """Asks a run to stop. Raises Conflict when it has ended already, NotFound."""
        self._perform(self._programs.cancel(run_id, reason))

    def replay(self, run_id: str, *, from_step: str | None = None, data: Any = None, key: str | None = None) -> str:
        """Starts a new run on the same events; its id. A second call with the same ``key`` gets the first replay.

        ``from_step`` keeps the results of the steps before it, ``data`` replaces the payload. Raises NotFound,
        InvalidRequest.
        """
        return self._perform(self._programs.replay(run_id, from_step, data, key))

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _perform(self, program: Program[T]) -> T:
        try:
            effect = next(program)
            while True:
                try:
                    answer = self._do(effect)
                except http.LOST as error:
                    effect = program.throw(Unanswered(http.explained(error)))
                else:
                    effect = program.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    def _do(self, effect: Request | Pause) -> Reply | None:
        match effect:
            case Pause(seconds):
                time.sleep(seconds)
                return None
            case Request():
                return http.reply(self._http.request(**http.arguments(effect)))
