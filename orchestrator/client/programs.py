"""Each call of the client, once for sync and async: a program that yields requests and pauses."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.client.asking import Asking
from orchestrator.client.effects import Pause, Program, Request, segment
from orchestrator.client.errors import Conflict, RunCancelled, RunFailed, TransientError
from orchestrator.client.values import Event, EventIds, Page, Run, RunId
from orchestrator.client.watching import Watch, run_request
from orchestrator.core.codec import encode
from orchestrator.core.durations import Duration, parse_duration
from orchestrator.core.errors import InvalidInput
from orchestrator.core.ops import Status

MOST_ON_A_PAGE = "200"


@dataclass(frozen=True, slots=True)
class Programs:
    """``new_key`` makes the key of a call: repeated, it is known by it and does nothing twice."""

    asking: Asking
    new_key: Callable[[], str]

    def send(self, events: Iterable[Event]) -> Program[list[str]]:
        sent = [_wire(event, event.id if event.id is not None else self.new_key()) for event in events]
        if not sent:
            return []
        answer = yield from self.asking.ask(_post("/events", sent), EventIds)
        return answer.ids

    def trigger(self, function: str, data: Any, key: str | None, delay: Duration | None) -> Program[str]:
        body = {"data": {} if data is None else data, "idempotency_key": key if key is not None else self.new_key()}
        if delay is not None:
            body["delay"] = parse_duration(delay).total_seconds()
        answer = yield from self.asking.ask(_post(f"/functions/{segment(function, safe='/')}/trigger", body), RunId)
        return answer.run_id

    def get_run(self, run_id: str) -> Program[Run]:
        return (yield from self.asking.ask(run_request(run_id), Run))

    def event_runs(self, event_id: str) -> Program[list[Run]]:
        runs: list[Run] = []
        query = {"limit": MOST_ON_A_PAGE}
        while True:
            request = Request(method="GET", path=f"/events/{segment(event_id)}/runs", query=query)
            page = yield from self.asking.ask(request, Page)
            runs.extend(page.data)
            if page.next_cursor is None:
                return runs
            query = query | {"cursor": page.next_cursor}

    def result(self, run_id: str, timeout: Duration | None) -> Program[Any]:
        run = yield from self.wait(run_id, timeout)
        if run.status is Status.COMPLETED:
            return run.output
        raise (RunCancelled if run.status is Status.CANCELLED else RunFailed)(run)

    def wait(self, run_id: str, timeout: Duration | None) -> Program[Run]:
        """The run when it has ended. Up to the timeout it bears that the server is away."""
        seconds = None if timeout is None else parse_duration(timeout).total_seconds()
        watch = Watch(self.asking, run_id, seconds)
        while True:
            try:
                run = yield from watch.look()
            except TransientError as failure:
                delay = watch.delay_seconds(failure)
                if delay is None:
                    raise
                if watch.left_seconds <= delay:
                    raise watch.timeout() from failure
                yield Pause(delay)
                continue
            if run.ended:
                return run
            if not watch.left_seconds:
                raise watch.timeout()
            yield Pause(watch.pause_seconds())

    def cancel(self, run_id: str, reason: str) -> Program[None]:
        try:
            yield from self.asking.ask(_post(f"/runs/{segment(run_id)}/cancel", {"reason": reason}), RunId)
        except Conflict as error:
            # The answer to an earlier try may have been lost, and the run has ended by it.
            if error.attempts == 1 or (yield from self.get_run(run_id)).status is not Status.CANCELLED:
                raise

    def replay(self, run_id: str, from_step: str | None, data: Any, key: str | None) -> Program[str]:
        body = {"from_step": from_step, "data": data, "key": key if key is not None else self.new_key()}
        answer = yield from self.asking.ask(_post(f"/runs/{segment(run_id)}/replay", body), RunId)
        return answer.run_id

    def signal(self, run_id: str, name: str, data: Any, key: str | None) -> Program[None]:
        body = {"name": name, "data": data, "key": key if key is not None else self.new_key()}
        yield from self.asking.ask(_post(f"/runs/{segment(run_id)}/signal", body), RunId)


def _post(path: str, body: Mapping[str, Any] | Sequence[Any]) -> Request:
    """Raises Unserialisable, before anything was sent."""
    return Request(method="POST", path=path, body=encode(body))


def _wire(event: Event, id: str) -> dict[str, Any]:
    ts = None if event.ts is None else _milliseconds(event.ts)
    value = {"name": event.name, "data": event.data, "id": id, "ts": ts, "user": event.user, "v": event.v}
    return {key: part for key, part in value.items() if part is not None}


def _milliseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise InvalidInput(f"ts {moment.isoformat()} has no time zone: give it one, such as UTC")
    return round(moment.timestamp() * 1000)
