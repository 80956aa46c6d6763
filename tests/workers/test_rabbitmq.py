"""RabbitMQ as the broker: a worker is woken by it, and goes on when it is gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.conftest import chaos_env
from tests.chaos.ledger import Ledger
from tests.chaos.witness import Witness
from tests.chaos.world import World
from tests.eventually import eventually
from tests.workers.installation import Installation
from tests.workers.rabbit import RabbitMQ, find_rabbitmq
from tests.workers.test_celery import free_port

__all__ = ["chaos_env", "free_port"]
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(not find_rabbitmq(), reason="RabbitMQ is not installed; apt install rabbitmq-server"),
]


@pytest.fixture
def rabbit(tmp_path: Path) -> Iterator[RabbitMQ]:
    server = RabbitMQ(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def installation(
    tmp_path: Path, chaos_env: dict[str, str], database_url: str, rabbit: RabbitMQ
) -> Iterator[Installation]:
    env = {"DATABASE_URL": database_url, "BROKER_URL": rabbit.url, "DATABASE_LISTEN": "off"}
    built = Installation(tmp_path, {**chaos_env, **env})
    yield built
    built.end()


def test_rabbitmq_wakes_workers_and_is_not_missed(
    installation: Installation, rabbit: RabbitMQ, chaos_env: dict[str, str], database_url: str, free_port: int
) -> None:
    installation.worker("one@here")
    installation.scheduler("scheduler")
    site = installation.web(free_port)
    installation.wait_until_ready()
    world = World(site, Witness(Path(chaos_env["CHAOS_WITNESS"])), Ledger(database_url, Path()))
    accepted = world.ask("errand/asked", count=3)
    world.all_complete(6, within_seconds=60)  # each with its child
    rabbit.stop()
    accepted += world.ask("errand/asked", count=3)
    world.all_complete(12, within_seconds=60)
    world.assert_exact(accepted)
    eventually(lambda: "doorbell.silent" in installation.processes["web"].output())
