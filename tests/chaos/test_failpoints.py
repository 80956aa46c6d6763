"""The process dies at a chosen commit: before it, after it, and after the look that follows a release."""

from tests.chaos.conftest import StartWorld
from tests.chaos.poster import Posters
from tests.chaos.test_web_storm import assert_accepted_once

# Batches are counted from the start of the process: the first few are its registration.
DEATHS = (
    "before_commit=kill@30",
    "after_commit=kill@20",
    "after_release=kill@25",
    "after_commit=kill@2",
    "before_commit=kill@60",
    "after_release=kill@12",
)
SIGKILLED = -9


def test_nothing_is_lost_or_doubled_wherever_around_a_commit_the_process_dies(start_world: StartWorld) -> None:
    world = start_world(SIGNALBOX_FAILPOINTS=DEATHS[0])
    posters = Posters(world.server, "errand/asked")
    assert world.server.wait() == SIGKILLED
    for death in DEATHS[1:]:
        world.server.launch(SIGNALBOX_FAILPOINTS=death)
        assert world.server.wait() == SIGKILLED
    world.server.launch(SIGNALBOX_FAILPOINTS="")
    receipts = posters.finish()
    world.all_complete(2 * len(receipts))  # each with its child
    assert_accepted_once(world, receipts)
    world.assert_exact(receipt.event for receipt in receipts if receipt.tries == 1)
