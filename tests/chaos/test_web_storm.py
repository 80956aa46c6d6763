"""Events sent while the process that takes them is killed."""

import os
import signal
from collections import Counter

from tests.chaos.conftest import StartWorld
from tests.chaos.poster import Posters, Receipt
from tests.chaos.world import World
from tests.eventually import eventually

ANOTHER = 30  # events between two kills


def assert_accepted_once(world: World, receipts: list[Receipt]) -> None:
    """Every event that got a 2xx is stored, and however often it was sent it has one run."""
    stored = world.ledger.runs_of_events()
    assert {receipt.event for receipt in receipts} <= stored.keys()
    rows = world.ledger.rows("SELECT external_id, id FROM signalbox_event")
    runs: Counter[str] = Counter()
    for external_id, event in rows:
        runs[external_id] += stored[event]
    assert runs == dict.fromkeys((receipt.external_id for receipt in receipts), 1)


def test_every_accepted_event_has_its_run_when_the_supervised_server_is_killed(start_world: StartWorld) -> None:
    world = start_world(supervised=True)
    posters = Posters(world.server, "parcel/sent")
    for _ in range(3):
        goal = posters.accepted + ANOTHER
        eventually(lambda goal=goal: posters.accepted >= goal, within_seconds=60, every_seconds=0.002)  # type: ignore[misc]
        os.kill(world.server.engine_pid, signal.SIGKILL)
    goal = posters.accepted + ANOTHER
    eventually(lambda: posters.accepted >= goal, within_seconds=60)
    receipts = posters.finish()
    assert any(receipt.tries > 1 for receipt in receipts), "no event was in flight when the process was killed"
    assert world.server.output().count("ended by SIGKILL") == 3
    assert_accepted_once(world, receipts)
    world.all_complete(len(receipts))


def test_an_event_that_is_sent_again_with_its_id_starts_one_run(world: World) -> None:
    event = {"id": "order-7", "name": "parcel/sent", "data": {}}
    first = world.server.post("/api/v1/events", event)["ids"]
    world.server.kill()
    world.server.start()
    assert world.server.post("/api/v1/events", event)["ids"] == first
    [repeat] = world.server.post("/e/dev", event)["ids"]
    world.all_complete(1)
    assert world.ledger.runs_of_events() == {first[0]: 1, repeat: 0}
