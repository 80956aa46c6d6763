"""GET /runs/{id}?wait=SECONDS rests as a future in front of Django, until a bell, a look at the rows, or its time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from orchestrator.api.ends import Ends
from orchestrator.api.waiting_asgi import WaitingApp
from orchestrator.engine.cancel import terminate_run
from orchestrator.engine.runtime import Runtime
from orchestrator.models import Run
from tests.console.factories import RunBuilder, fresh_id

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 30  # a wait that a test does not sit out


class Server:
    """WaitingApp over an application that notes what reaches it."""

    def __init__(self, secret: str, *, look_again_seconds: float = LONG) -> None:
        self.ends = Ends(look_again_seconds)
        self.app = WaitingApp(self._answer, self.ends)
        self.secret = secret
        self.reached: list[str] = []
        self.leave = asyncio.Event()
        self.messages: list[Any] = []

    def get(self, path: str, query: str = "") -> asyncio.Task[None]:
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": query.encode(),
            "headers": [(b"authorization", f"Bearer {self.secret}".encode())],
        }
        first = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if first:
                return first.pop()
            await self.leave.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            self.messages.append(message)

        return asyncio.ensure_future(self.app(scope, receive, send))

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        self.reached.append(scope["path"])

    async def resting(self, count: int = 1) -> None:
        """Until so many requests rest."""
        await until(lambda: sum(len(room.waiting) for room in self.ends._rooms.values()) >= count)

    @property
    def at_peace(self) -> bool:
        """Nobody waits, nothing is subscribed."""
        return not self.ends._rooms and self.ends._unsubscribe is None


async def until(look: Callable[[], bool]) -> None:
    """Until it is so, turn by turn of this loop."""
    async with asyncio.timeout(5):
        while not look():  # noqa: ASYNC110  # nothing that could be awaited tells
            await asyncio.sleep(0)


@pytest.fixture
def run() -> Run:
    return RunBuilder().save("running")


async def test_the_bell_of_its_end_lets_a_request_go(engine: Runtime, api_secret: str, run: Run) -> None:
    server = Server(api_secret)
    request = server.get(path := f"/api/v1/runs/{run.id}", f"wait={LONG}")
    await server.resting()
    assert server.reached == []
    await sync_to_async(terminate_run)(run.id)
    await asyncio.wait_for(request, 5)
    assert server.reached == [path]
    assert server.at_peace


async def test_an_end_in_another_process_is_seen_by_looking_again(api_secret: str, run: Run) -> None:
    server = Server(api_secret, look_again_seconds=0.01)
    request = server.get(f"/api/v1/runs/{run.id}", f"wait={LONG}")
    await server.resting()
    await Run.objects.filter(id=run.id).aupdate(ended_at=run.queued_at)
    await asyncio.wait_for(request, 5)
    assert server.reached
    assert server.at_peace


async def test_time_goes_by(api_secret: str, run: Run) -> None:
    server = Server(api_secret)
    await asyncio.wait_for(server.get(f"/api/v1/runs/{run.id}", "wait=0.01"), 5)
    assert server.reached
    assert server.at_peace


async def test_a_client_that_leaves_is_not_answered(api_secret: str, run: Run) -> None:
    server = Server(api_secret)
    request = server.get(f"/api/v1/runs/{run.id}", f"wait={LONG}")
    await server.resting()
    server.leave.set()
    await asyncio.wait_for(request, 5)
    assert not server.reached
    await until(lambda: server.at_peace)


async def test_a_process_that_ends_lets_all_go(api_secret: str, run: Run) -> None:
    server = Server(api_secret)
    requests = [server.get(f"/api/v1/runs/{run.id}", f"wait={LONG}") for _ in range(3)]
    await server.resting()
    server.ends.release()
    requests.append(server.get(f"/api/v1/runs/{run.id}", f"wait={LONG}"))  # on a connection that was kept
    await asyncio.wait_for(asyncio.gather(*requests), 5)
    assert len(server.reached) == 4


@pytest.mark.parametrize(
    "path, query",
    [
        ("/api/v1/runs/{ended}", f"wait={LONG}"),
        ("/api/v1/runs/{unknown}", f"wait={LONG}"),
        ("/api/v1/runs/{run}", ""),
        ("/api/v1/runs/{run}", "wait=0"),
        ("/api/v1/runs/{run}", "wait=31"),  # over the limit
        ("/api/v1/runs/{run}", "wait=nan"),
        ("/api/v1/runs/{run}", "wait=soon"),
        ("/api/v1/runs/{run}", "await=5"),
        ("/api/v1/runs/{run}/history", f"wait={LONG}"),
        ("/api/v1/runs/not-an-id", f"wait={LONG}"),
    ],
)
async def test_whatever_has_nothing_to_wait_for_goes_on_at_once(
    api_secret: str, run: Run, path: str, query: str
) -> None:
    ended = await sync_to_async(RunBuilder().save)("completed")
    server = Server(api_secret)
    asked = path.format(run=run.id, ended=ended.id, unknown=fresh_id())
    await asyncio.wait_for(server.get(asked, query), 5)
    assert server.reached == [asked]


async def test_nobody_waits_without_a_key(db: None, run: Run) -> None:
    server = Server("sba_nonsense")
    await asyncio.wait_for(server.get(f"/api/v1/runs/{run.id}", f"wait={LONG}"), 5)
    assert server.reached


def test_wrong_waits_are_refused(client: Client, run: Run) -> None:
    for wait in ("31", "-1", "nan", "soon", "inf", "1e400", ""):
        answer = client.get(f"/api/v1/runs/{run.id}", {"wait": wait})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input"), wait
    assert client.get(f"/api/v1/runs/{run.id}", {"wait": "30"}).json()["status"] == "running"
