"""Every process is started while its database is away, and works as soon as it is there."""

from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.chaos.ledger import Ledger
from tests.chaos.witness import Witness
from tests.chaos.world import World
from tests.eventually import eventually
from tests.live import Requests
from tests.servers import PostgresCluster, Redis
from tests.workers.installation import Installation
from torture.servers import free_port

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.timeout(180)]
WAITING = ("scheduler", "engine", "threads@one", "prefork@two")


@pytest.fixture
def installation(cluster: PostgresCluster, tmp_path: Path, chaos_env: dict[str, str]) -> Iterator[Installation]:
    broker = Redis(tmp_path)
    built = Installation(tmp_path, chaos_env | {"DATABASE_URL": cluster.url, "BROKER_URL": broker.url})
    yield built
    built.end()
    broker.stop()


def readiness(site: Requests) -> int:
    """The status of the answer."""
    try:
        return 200 if site.get("/readyz") else 0
    except HTTPError as error:
        return error.code


def test_processes_wait_for_a_database_that_comes_later(
    installation: Installation, cluster: PostgresCluster, chaos_env: dict[str, str]
) -> None:
    cluster.stop()
    scheduler, engine = installation.scheduler("scheduler"), installation.engine("engine")
    installation.worker("threads@one")
    installation.worker("prefork@two", "-c", "1", WORKER_POOL="prefork")
    site = installation.web(free_port())
    for name in WAITING:
        process = installation.processes[name]
        eventually(lambda process=process: process.output().count("database.awaited") >= 2, within_seconds=60)
    assert engine.stop() == 0, "it ends when it is told to, though it waits"
    del installation.processes["engine"]
    assert site.get("/healthz") == {"status": "ok"}
    assert readiness(site) == 503

    cluster.start()
    installation.wait_until_ready()
    eventually(lambda: readiness(site) == 200, within_seconds=30)
    assert "database.answers" in scheduler.output()
    world = World(site, Witness(Path(chaos_env["CHAOS_WITNESS"])), Ledger(cluster.url, Path()))
    accepted = world.ask("errand/asked", count=3)
    world.all_complete(6, within_seconds=60)  # each with its child
    world.assert_exact(accepted)
