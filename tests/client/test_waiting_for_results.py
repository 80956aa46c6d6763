"""Waiting for the end of a run, on a clock that only pauses and held requests move."""

from typing import Any

import orjson
import pytest

from orchestrator.client import ConnectionFailed, NotFound, RunCancelled, RunFailed, Timeout
from orchestrator.client.effects import Reply, Request, Unanswered
from tests.client.faces import World
from tests.client.test_faults import RUN, run_as


class Server:
    """A run that ends at a moment; the server holds requests, or does not, or is away for some time."""

    def __init__(self, ends_at: float, *, status: str = "completed", holds: bool = True, **fields: Any) -> None:
        self.ends_at, self.status, self.holds, self.fields = ends_at, status, holds, fields
        self.away: tuple[float, float] = (0, 0)
        self.world = World(self.answer)

    def answer(self, request: Request) -> Reply | Unanswered:
        world = self.world
        if self.away[0] <= world.seconds < self.away[1]:
            return Unanswered("connection refused")
        if self.holds:
            world.seconds += max(0.0, min(request.wait_seconds, self.ends_at - world.seconds))
        ended = world.seconds >= self.ends_at
        run = run_as(self.status, **self.fields) if ended else run_as("running")
        return Reply(200, orjson.dumps(run))

    def result(self, timeout: float | None = None) -> Any:
        return self.world.perform(self.world.programs.result(RUN, timeout))

    @property
    def passed(self) -> float:
        return self.world.seconds - 1000


def test_the_output_comes_when_the_run_ends() -> None:
    server = Server(1060, output={"total": 9.5})
    assert server.result() == {"total": 9.5}
    assert server.passed == 60
    assert [request.query for request in server.world.requests] == [{"wait": "25.000"}] * 3
    assert not any(server.world.pauses)


def test_the_last_look_is_as_long_as_there_is_time() -> None:
    server = Server(1100)
    with pytest.raises(Timeout) as caught:
        server.result(30)
    assert [request.query.get("wait") for request in server.world.requests] == ["25.000", "5.000"]
    assert server.world.requests[1].timeout_seconds == 6  # and a little for the way
    assert server.passed == 30
    assert caught.value.run_id == RUN
    assert caught.value.last_status == "running"
    assert "did not end within 30 s; it is running" in str(caught.value)


def test_no_time_is_one_look() -> None:
    server = Server(1100)
    with pytest.raises(Timeout):
        server.result(0)
    assert [request.query for request in server.world.requests] == [{}]
    assert Server(0, output=7).result(0) == 7


def test_a_server_that_holds_nothing_is_asked_twice_a_second() -> None:
    server = Server(1002, holds=False, output=7)
    assert server.result() == 7
    assert server.world.pauses == [0.5] * 4


@pytest.mark.parametrize("status", ["failed", "timed_out", "expired", "skipped"])
def test_a_run_without_a_result_raises_its_error(status: str) -> None:
    error = {"type": "CardDeclined", "message": "no money", "traceback": "..."}
    with pytest.raises(RunFailed) as caught:
        Server(0, status=status, error=error).result()
    assert caught.value.run.status == status
    assert caught.value.error
    assert (caught.value.error.type, caught.value.error.message) == ("CardDeclined", "no money")
    assert "CardDeclined: no money" in str(caught.value)


def test_a_cancelled_run_says_so() -> None:
    with pytest.raises(RunCancelled) as caught:
        Server(0, status="cancelled").result()
    assert caught.value.error is None


def test_with_a_timeout_a_server_may_be_away_for_as_long() -> None:
    server = Server(1050, output=7)
    server.away = (1010, 1040)
    server.world.seconds = 1011
    assert server.result(60) == 7
    server = Server(1100)
    server.away = (1000, 1100)
    with pytest.raises(Timeout) as caught:
        server.result(20)
    assert isinstance(caught.value.__cause__, ConnectionFailed)
    assert caught.value.last_status is None
    assert server.passed <= 20


def test_without_one_it_is_given_up_after_the_tries() -> None:
    server = Server(1100)
    server.away = (1000, 2000)
    with pytest.raises(ConnectionFailed):
        server.result()
    assert server.world.pauses == [1, 2]


def test_a_run_that_is_not_there_ends_the_wait() -> None:
    body = b'{"status": 404, "code": "run_not_found", "detail": "no run"}'
    world = World(lambda request: Reply(404, body))
    with pytest.raises(NotFound):
        world.perform(world.programs.result(RUN, 30))
    assert len(world.requests) == 1


def test_a_busy_server_says_when_to_come_back() -> None:
    replies = [Reply(429, b"", "7"), Reply(503, b"", "soon"), Reply(200, b'{"run_id": "x"}')]
    world = World(lambda request: replies.pop(0))
    assert world.perform(world.programs.trigger("charge", None, None, None)) == "x"
    assert world.pauses == [7, 2]  # what it asked for; what the policy says
