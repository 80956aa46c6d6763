"""F15: the disk takes no writes for a while. New work is refused, what runs waits, nothing is corrupted."""

import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing
from urllib.error import HTTPError

import pytest

from tests.chaos.conftest import StartWorld
from tests.chaos.world import World
from tests.eventually import eventually

FULL = 4096  # bytes of a file; all that is written behind them fails


@pytest.fixture
def world_on_sqlite(start_world: StartWorld, database_url: str | None) -> World:
    if database_url:
        pytest.skip("the limit is that of the process which writes the file itself")
    return start_world()


def refused(ask: Callable[[], object]) -> bool:
    """Whether a request is answered with 503."""
    try:
        ask()
    except HTTPError as error:
        return error.code == 503
    return False


def test_starts_are_refused_on_a_full_disk_and_go_on_when_there_is_room(world_on_sqlite: World) -> None:
    world, server = world_on_sqlite, world_on_sqlite.server
    accepted = world.ask("errand/asked", count=10)
    world.witness.sees(5)
    _, hard = resource.prlimit(server.engine_pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.engine_pid, resource.RLIMIT_FSIZE, (FULL, hard))
    try:
        eventually(lambda: refused(lambda: server.send("parcel/sent")))
        assert refused(lambda: server.post("/api/v1/events", {"name": "parcel/sent", "data": {}}))
        assert server.get("/api/v1/runs")["data"], "what is stored can be read all the same"
    finally:
        resource.prlimit(server.engine_pid, resource.RLIMIT_FSIZE, (hard, hard))
    accepted += eventually(lambda: None if refused(lambda: server.get("/readyz")) else server.send("errand/asked"))
    world.all_complete(22)
    world.assert_exact(accepted)
    with closing(sqlite3.connect(server.home / "signalbox.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
