"""The heavy ones, outside ``make test``: ``pytest -m slow tests/chaos``."""

import random

import pytest

from tests.chaos.conftest import StartWorld
from tests.chaos.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ERRANDS = ("errand/asked", "errand/asked-in-threads", "bookings/asked")


@pytest.mark.parametrize("failpoint", ["before_commit", "after_commit", "after_release"])
def test_work_ends_though_every_process_dies_at_its_twelfth_commit(failpoint: str, start_world: StartWorld) -> None:
    world = start_world(supervised=True, SIGNALBOX_FAILPOINTS=f"{failpoint}=kill@12")
    accepted = world.ask(*ERRANDS, count=20)
    world.all_complete(100, within_seconds=300)
    assert world.server.output().count("ended by SIGKILL") >= 3
    world.assert_exact(accepted)


def test_three_hundred_runs_outlive_twelve_kills_at_random(world: World) -> None:
    accepted = world.ask(*ERRANDS, count=100)
    dice = random.Random(7)
    for kill in range(12):
        if kill:
            world.server.launch()
        world.kill_after(dice.randint(1, 150))
    world.server.start()
    world.all_complete(500)
    world.assert_exact(accepted)
    assert len(set(world.ledger.bookings())) == world.ledger.count("bank_booking") == 600
