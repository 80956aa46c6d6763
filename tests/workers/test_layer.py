"""News between processes over Channels and Redis, without PostgreSQL's LISTEN: pages follow what others write."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings

from console.environment import channel_layers
from console.live import consumers, layer
from console.live.consumers import PROTOCOL, ConsoleConsumer
from console.live.layer import LayerExchange
from orchestrator.engine import doorbell
from orchestrator.engine.runtime import install
from tests.commands.running import Shell
from tests.servers import Redis

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]
LONG_SECONDS = 30  # for another process to start, write and end


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def elsewhere(tmp_path: Path, redis: Redis) -> Shell:
    """Another process on the same database and Redis."""
    url = f"sqlite:///{connection.settings_dict['NAME']}"
    if connection.vendor != "sqlite":
        pytest.skip("the other process finds a test's SQLite only")
    return Shell(tmp_path / "elsewhere", {"DATABASE_URL": url, "CHANNEL_LAYER_URL": redis.url})


@pytest.fixture
def here(redis: Redis, monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[None]:
    """This process as a web process that runs nothing and hears by the layer only: it does not look by itself."""
    monkeypatch.setenv("CHANNEL_LAYER_URL", redis.url)
    monkeypatch.setattr(consumers, "LOOK_AGAIN_SECONDS", 3600.0)
    monkeypatch.setattr(layer, "RECONNECT_SECONDS", 0.1)
    chosen = settings.ORCHESTRATOR | {"CHANNEL_LAYER": "default", "LISTEN": False}
    with override_settings(CHANNEL_LAYERS=channel_layers(), ORCHESTRATOR=chosen):
        doorbell.plug_exchange(LayerExchange)
        former = install(None)
        yield
        doorbell.plug_exchange(None)
        ours = install(former)
        if ours is not None:
            ours.close_doorbells()
            ours.journal.close()


async def open_list(visitor: str) -> WebsocketCommunicator:
    """A page with the list of runs, as many as there are."""
    socket = WebsocketCommunicator(ConsoleConsumer.as_asgi(), "/ws/console/", subprotocols=[PROTOCOL])
    socket.scope["user"] = await User.objects.acreate(username=visitor, is_staff=True)
    await socket.connect()
    assert (await socket.receive_json_from())["t"] == "hello"
    await socket.send_json_to({"t": "sub", "c": "runs:?", "rev": 0})
    return socket


async def trigger(shell: Shell) -> str:
    return await sync_to_async(shell.answer, thread_sensitive=False)("trigger", "count-file", "--data", '{"path": "x"}')


async def new_runs(socket: WebsocketCommunicator, number: int) -> dict[str, Any]:
    """The frame that says so many runs are new, or more."""
    async with asyncio.timeout(LONG_SECONDS):
        while True:
            frame: dict[str, Any] = await socket.receive_json_from(timeout=LONG_SECONDS)
            await socket.send_json_to({"t": "ack", "c": "runs:?", "rev": frame["rev"]})
            if frame["new"] >= number:
                return frame


async def test_a_page_of_one_process_follows_what_another_one_writes(here: None, elsewhere: Shell) -> None:
    socket = await open_list("ada")
    await trigger(elsewhere)
    assert (await new_runs(socket, 1))["c"] == "runs:?"
    await socket.disconnect()


async def test_without_redis_work_and_pages_go_on_and_with_it_pages_are_told_again(
    here: None, elsewhere: Shell, redis: Redis, tmp_path: Path
) -> None:
    first = await open_list("ada")
    await trigger(elsewhere)
    await new_runs(first, 1)
    redis.stop()
    await trigger(elsewhere)
    second = await open_list("grace")
    again = Redis(tmp_path)
    try:
        seen = asyncio.gather(new_runs(first, 3), new_runs(second, 3))
        while not seen.done():
            await trigger(elsewhere)
        await seen
    finally:
        again.stop()
    for socket in (first, second):
        await socket.disconnect()
