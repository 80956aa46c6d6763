"""The client against a server in a process of its own."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from orchestrator.client import (
    AsyncClient,
    Client,
    Conflict,
    ConnectionFailed,
    Event,
    InvalidRequest,
    NotFound,
    Retries,
    RunCancelled,
    RunFailed,
    Timeout,
    UnexpectedAnswer,
)
from tests.eventually import eventually
from tests.live import LiveServer

pytestmark = pytest.mark.timeout(180)


@dataclass
class Receipt:
    order: int
    total: float


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    env = {"SIGNALBOX_FUNCTIONS": "tests.client.shop", "DATABASE_URL": ""}
    server = LiveServer(tmp_path_factory.mktemp("client") / "home", env=env)
    yield server
    server.end()


@pytest.fixture
def client(server: LiveServer) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


def held_run(client: Client) -> str:
    """A run that waits for a signal."""
    run_id = client.trigger("review")
    eventually(lambda: client.status(run_id) == "waiting")
    return run_id


def sockets(pid: int) -> int:
    """How many a process has open."""
    count = 0
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            count += path.readlink().name.startswith("socket:")
    return count


def test_an_event_starts_a_run_whose_result_comes_as_a_value(client: Client) -> None:
    event_id = client.send("order/placed", {"order": 42})
    [run] = client.event_runs(event_id)
    assert run.function == "charge"
    assert client.result(run.id, "10s") == {"order": 42, "total": 9.5}
    assert client.result(run.id, into=Receipt) == Receipt(42, 9.5)
    whole = client.get_run(run.id)
    assert whole.event_ids == [event_id]
    assert [(step.id, step.status, len(step.attempts)) for step in whole.steps] == [("charge", "completed", 1)]
    with pytest.raises(UnexpectedAnswer):
        client.result(run.id, into=list[int])


def test_events_are_sent_together_and_once(client: Client) -> None:
    events = [Event("order/placed", {"order": n}, id=f"order-{n}") for n in range(3)]
    ids = client.send_many(events)
    assert client.send_many(events) == ids
    assert [len(client.event_runs(id)) for id in ids] == [1, 1, 1]
    with pytest.raises(InvalidRequest) as caught:
        client.send_many([Event("order/placed", {}), Event("")])
    assert (caught.value.code, caught.value.index) == ("invalid_event", 1)


def test_a_call_under_a_used_key_answers_the_first_run(client: Client) -> None:
    assert client.trigger("charge", {"order": 1}, key="k1") == client.trigger("charge", {"order": 1}, key="k1")
    assert client.trigger("charge", {"order": 1}) != client.trigger("charge", {"order": 1})


def test_a_failed_run_raises_what_it_failed_with(client: Client) -> None:
    run_id = client.trigger("refuse", {"reason": "no money"})
    with pytest.raises(RunFailed) as caught:
        client.result(run_id, "10s")
    assert caught.value.error
    assert caught.value.error.type.endswith("NonRetriableError")
    assert caught.value.error.message == "no money"
    assert client.wait(run_id).status == "failed"


def test_a_signal_ends_a_wait_at_once(client: Client) -> None:
    run_id = held_run(client)
    with pytest.raises(Timeout):
        client.result(run_id, "50ms")
    results: list[object] = []
    waiter = threading.Thread(target=lambda: results.append(client.result(run_id, "20s")))
    waiter.start()
    started = time.monotonic()
    client.signal(run_id, "decision", {"approved": True}, key="s1")
    waiter.join(30)
    assert results == [{"approved": True}]
    assert time.monotonic() - started < 2  # the slow look comes every two seconds
    client.signal(run_id, "decision", "late", key="s1")
    with pytest.raises(Conflict) as caught:
        client.signal(run_id, "decision", "late")
    assert caught.value.code == "run_ended"


def test_many_wait_without_a_thread_each(server: LiveServer, client: Client) -> None:
    run_ids = [held_run(client) for _ in range(3)]

    def threads() -> int:
        return len(list(Path(f"/proc/{server.pid}/task").iterdir()))

    async def wait_for_all() -> list[object]:
        async with AsyncClient(server.url, retries=0) as waiting:
            tasks = [asyncio.create_task(waiting.result(run_ids[n % 3], "20s")) for n in range(60)]
            before = threads()
            await waiting.get_run(run_ids[0])
            assert threads() - before < 30
            for run_id in run_ids:
                await waiting.signal(run_id, "decision", run_id)
            return await asyncio.gather(*tasks)

    assert sorted(map(str, asyncio.run(wait_for_all()))) == sorted(run_ids * 20)


def test_a_cancelled_run_is_replayed_once(client: Client) -> None:
    run_id = held_run(client)
    client.cancel(run_id, "wrong order")
    with pytest.raises(RunCancelled):
        client.result(run_id, "10s")
    with pytest.raises(Conflict):
        client.cancel(run_id)
    replay = client.replay(run_id, key="again")
    assert client.replay(run_id, key="again") == replay
    assert client.get_run(replay).replay_of == run_id
    client.signal(replay, "decision", "yes")
    assert client.result(replay, "10s") == "yes"


def test_what_is_not_there(client: Client) -> None:
    for call in (client.get_run, client.cancel, client.replay, client.result):
        with pytest.raises(NotFound) as caught:
            call("01ARZ3NDEKTSV4RRFFQ69G5FAV")
        assert caught.value.code == "run_not_found"
    with pytest.raises(NotFound):
        client.trigger("nobody")
    with pytest.raises(InvalidRequest):
        client.get_run("no id\ud800?#")


def test_a_wait_outlives_a_restart_of_the_server(tmp_path: Path) -> None:
    env = {"SIGNALBOX_FUNCTIONS": "tests.client.shop", "DATABASE_URL": ""}
    server = LiveServer(tmp_path / "home", env=env)
    try:
        with Client(server.url, retries=Retries(3, initial="50ms")) as client:
            run_id = held_run(client)
            results: list[object] = []
            held: list[int] = []
            before = sockets(server.pid)
            address = f"{server.url}/api/v1/runs/{run_id}?wait=30"
            asking = threading.Thread(target=lambda: held.append(httpx.get(address, timeout=40).status_code))
            asking.start()
            eventually(lambda: sockets(server.pid) > before)
            client.status(run_id)  # answered after the one that came before it was taken
            server.stop()
            asking.join(30)
            assert held == [200]  # let go when the server drained, not cut off by its end
            waiter = threading.Thread(target=lambda: results.append(client.result(run_id, "40s")))
            waiter.start()
            with pytest.raises(ConnectionFailed), Client(server.url, retries=0) as hasty:
                hasty.status(run_id)
            server.start()
            client.signal(run_id, "decision", "yes")
            waiter.join(30)
            assert results == ["yes"]
    finally:
        server.end()


def test_a_connection_that_is_cut_after_the_request_changes_nothing_twice(server: LiveServer) -> None:
    class Cutting(httpx.HTTPTransport):
        """Loses the first answer."""

        cut = False

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            if not self.cut:
                self.cut = True
                response.read()
                raise httpx.ReadError("cut")
            return response

    with Client(server.url, retries=Retries(2, initial=0), transport=Cutting()) as client:
        event_id = client.send("order/placed", {"order": 7})
        assert len(client.event_runs(event_id)) == 1
    with Client(server.url, retries=Retries(2, initial=0), transport=Cutting()) as client:
        first = client.trigger("charge", {"order": 8})
        assert client.wait(first, "10s").ended
    runs = server.get("/api/v1/runs?function=charge&limit=200")["data"]
    assert sum(run["input"] in ({"order": 7}, {"order": 8}) for run in runs) == 2
