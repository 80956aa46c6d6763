"""Servers with the bank's functions, on SQLite or on the PostgreSQL that the suite runs on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.ledger import Ledger
from tests.chaos.witness import Witness
from tests.chaos.world import World
from tests.live import LiveServer
from tests.servers import PostgresCluster, find_postgres, postgres

StartWorld = Callable[..., World]


@pytest.fixture
def chaos_env(tmp_path: Path) -> dict[str, str]:
    """What a process needs to have the bank's functions."""
    return {
        "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
        "CHAOS_WITNESS": str(tmp_path / "witness"),
        "CHAOS_GATE": str(tmp_path / "gate"),
        "CHAOS_LEASE_SECONDS": "2",  # on PostgreSQL a dead process is found by that
        "SIGNALBOX_EXAMPLES": "0",
    }


@pytest.fixture
def start_world(
    start_server: Callable[..., LiveServer], chaos_env: dict[str, str], database_url: str | None
) -> StartWorld:
    """Start ``manage.py dev`` with the bank; the options are LiveServer's."""

    def start(*, supervised: bool = False, **env: str) -> World:
        server = start_server(supervised=supervised, **chaos_env | env)
        return World(server, Witness(Path(chaos_env["CHAOS_WITNESS"])), Ledger(database_url, server.home))

    return start


@pytest.fixture
def world(start_world: StartWorld) -> World:
    return start_world()


@pytest.fixture
def cluster() -> Iterator[PostgresCluster]:
    """A PostgreSQL of the test's own, which it may stop or crash."""
    programs = find_postgres()
    if programs is None:
        pytest.skip("a PostgreSQL that may be stopped needs its programs here")
    with postgres(programs) as cluster:
        yield cluster
