"""Production's processes on one machine: what is sent to one is done by another, whoever of them dies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.conftest import chaos_env
from tests.chaos.ledger import Ledger
from tests.chaos.witness import Witness
from tests.chaos.world import World
from tests.servers import Redis
from tests.workers.installation import Installation, unused_port

__all__ = ["chaos_env"]
pytestmark = [pytest.mark.postgres, pytest.mark.redis]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Redis]:
    redis = Redis(tmp_path)
    yield redis
    redis.stop()


@pytest.fixture
def installation(tmp_path: Path, chaos_env: dict[str, str], database_url: str, broker: Redis) -> Iterator[Installation]:
    built = Installation(tmp_path, {**chaos_env, "DATABASE_URL": database_url, "BROKER_URL": broker.url})
    yield built
    built.end()


@pytest.fixture
def world(installation: Installation, chaos_env: dict[str, str], database_url: str, free_port: int) -> World:
    """A web process that runs nothing, two schedulers, and two workers of which one has the prefork pool."""
    installation.worker("threads@one")
    installation.worker("prefork@two", "-c", "2", WORKER_POOL="prefork")
    installation.scheduler("scheduler-1")
    installation.scheduler("scheduler-2")
    site = installation.web(free_port)
    installation.wait_until_ready()
    return World(site, Witness(Path(chaos_env["CHAOS_WITNESS"])), Ledger(database_url, Path()))


@pytest.fixture
def free_port() -> int:
    return unused_port()


def test_work_goes_on_whichever_process_dies(world: World, installation: Installation, broker: Redis) -> None:
    accepted = world.ask("errand/asked", "errand/asked-in-threads", count=10)
    world.witness.sees(30)
    installation.processes["threads@one"].kill()
    installation.processes["scheduler-1"].kill()
    world.all_complete(40, within_seconds=60)  # each with its child

    installation.worker("threads@three").wait_until_ready()
    accepted += world.ask("errand/asked", "errand/asked-in-threads", count=10)
    world.witness.sees(160)
    assert installation.processes["prefork@two"].stop() == 0
    world.all_complete(80, within_seconds=60)

    broker.stop()
    accepted += world.ask("errand/asked", count=3)
    world.all_complete(86, within_seconds=60)
    world.assert_exact(accepted)
