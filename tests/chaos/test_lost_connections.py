"""The connection to PostgreSQL is cut: around commits, and by a server that crashes under load."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.conftest import StartWorld
from tests.chaos.ledger import Ledger
from tests.chaos.witness import Witness
from tests.chaos.world import World
from tests.live import LiveServer
from tests.servers import PostgresCluster

pytestmark = pytest.mark.postgres

ERRANDS = ("errand/asked", "errand/asked-in-threads")
CUTS = "before_commit=cut@12,after_commit=cut@20,after_release=cut@28"
BRANCHES = 6


def test_a_commit_whose_answer_is_lost_is_neither_repeated_nor_forgotten(start_world: StartWorld) -> None:
    world = start_world(SIGNALBOX_FAILPOINTS=CUTS)
    accepted = world.ask(*ERRANDS, count=25)
    world.all_complete(100)
    said = world.server.output()
    assert (said.count("journal.connection_lost"), said.count("journal.look_failed")) == (3, 1)
    world.assert_exact(accepted)


@pytest.fixture
def world_on_cluster(cluster: PostgresCluster, tmp_path: Path, chaos_env: dict[str, str]) -> Iterator[World]:
    server = LiveServer(tmp_path / "home", env=chaos_env | {"DATABASE_URL": cluster.url, "CHAOS_LEASE_SECONDS": "15"})
    yield World(server, Witness(Path(chaos_env["CHAOS_WITNESS"])), Ledger(cluster.url, server.home))
    server.end()


def test_a_hundred_runs_survive_two_crashes_of_the_database(world_on_cluster: World, cluster: PostgresCluster) -> None:
    world = world_on_cluster
    accepted = world.ask(*ERRANDS, "bookings/asked", count=33)
    for lines in (60, 200):
        world.witness.sees(lines)
        cluster.crash()
        cluster.start()
    world.all_complete(33 * 5)
    world.assert_exact(accepted)
    booked = [run.id for run in world.ledger.runs() if run.function == "book"]
    assert world.ledger.bookings() == sorted((run, f"book-{n}") for run in booked for n in range(BRANCHES))
    assert all(len(lines) == 1 for lines in world.witness.steps().values()), "a lost connection made a body run twice"


def test_it_ends_when_told_to_though_its_database_is_away(world_on_cluster: World, cluster: PostgresCluster) -> None:
    cluster.crash()
    assert world_on_cluster.server.stop() == 0
    assert "engine.left_unsaid" in world_on_cluster.server.output()
