"""Every process is started while its database is away or has no tables, and works as soon as they are there."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from orchestrator.db.schema import WAY_OUT
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


Build = Callable[..., Installation]


@pytest.fixture
def build(cluster: PostgresCluster, tmp_path: Path, chaos_env: dict[str, str]) -> Iterator[Build]:
    broker = Redis(tmp_path)
    env = chaos_env | {"DATABASE_URL": cluster.url, "BROKER_URL": broker.url}
    built: list[Installation] = []

    def build(*, migrated: bool = True) -> Installation:
        built.append(Installation(tmp_path, env, migrated=migrated))
        return built[-1]

    yield build
    for installation in built:
        installation.end()
    broker.stop()


def readiness(site: Requests) -> int:
    """The status of the answer."""
    try:
        return 200 if site.get("/readyz") else 0
    except HTTPError as error:
        return error.code


def start_all(installation: Installation) -> Requests:
    """Each kind of process; they wait."""
    installation.scheduler("scheduler")
    installation.engine("engine")
    installation.worker("threads@one")
    installation.worker("prefork@two", "-c", "1", WORKER_POOL="prefork")
    site = installation.web(free_port())
    for name in WAITING:
        process = installation.processes[name]
        eventually(lambda process=process: process.output().count("database.awaited") >= 2, within_seconds=60)
    return site


def assert_works(installation: Installation, site: Requests, cluster: PostgresCluster, env: dict[str, str]) -> None:
    installation.wait_until_ready()
    eventually(lambda: readiness(site) == 200, within_seconds=30)
    assert "database.answers" in installation.processes["scheduler"].output()
    world = World(site, Witness(Path(env["CHAOS_WITNESS"])), Ledger(cluster.url, Path()))
    accepted = world.ask("errand/asked", count=3)
    world.all_complete(6, within_seconds=60)  # each with its child
    world.assert_exact(accepted)


def test_processes_wait_for_a_database_that_comes_later(
    build: Build, cluster: PostgresCluster, chaos_env: dict[str, str]
) -> None:
    installation = build()
    cluster.stop()
    site = start_all(installation)
    engine = installation.processes["engine"]
    assert engine.stop() == 0, "it ends when it is told to, though it waits"
    del installation.processes["engine"]
    assert site.get("/healthz") == {"status": "ok"}
    assert readiness(site) == 503

    cluster.start()
    assert_works(installation, site, cluster, chaos_env)


def test_processes_wait_for_the_first_migration_and_requests_are_told_of_it(
    build: Build, cluster: PostgresCluster, chaos_env: dict[str, str]
) -> None:
    installation = build(migrated=False)
    site = start_all(installation)
    for name in WAITING:
        output = installation.processes[name].output()
        assert WAY_OUT in output
        assert "Traceback" not in output
    for problem in (refusal(lambda: site.send("errand/asked")), refusal(lambda: site.get("/api/v1/runs"))):
        assert (problem["status"], problem["code"], problem["detail"]) == (503, "unavailable", WAY_OUT)
    assert "manage.py migrate" in page(site, "/login/")

    installation.migrate()
    assert_works(installation, site, cluster, chaos_env)


def refusal(request: Callable[[], object]) -> Any:
    """The problem that answers it."""
    with pytest.raises(HTTPError) as refused:
        request()
    return json.loads(refused.value.read())


def page(site: Requests, path: str) -> str:
    """A page that cannot be shown now, as it says so."""
    with pytest.raises(HTTPError) as refused:
        site.get(path)
    assert refused.value.code == 503
    return refused.value.read().decode()
