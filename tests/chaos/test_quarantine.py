"""Rule 8: a step that kills its worker again and again ends as a dead letter, and its innocent neighbours do not."""

from collections import Counter
from typing import Any

from orchestrator.engine.crashes import ALONE_AFTER
from tests.chaos.conftest import StartWorld
from tests.chaos.world import World
from tests.eventually import eventually

LOSSES = ALONE_AFTER + 3  # of whoever ran it beside others, then of processes of its own


def runs_of(world: World, function: str) -> list[Any]:
    return [run for run in world.ledger.runs() if run.function == function]


def test_8_a_step_that_kills_its_worker_is_quarantined_and_its_neighbours_are_not(start_world: StartWorld) -> None:
    world = start_world()
    world.ask("vigil/asked", "errand/asked", count=1)
    [killer] = world.ask("murder/asked", count=1)
    for _ in range(ALONE_AFTER - 1):
        assert world.server.wait() == 1
        world.server.launch()
    assert world.server.wait() == 1
    world.server.start()
    eventually(lambda: [run.status for run in runs_of(world, "murder")] == ["failed"], within_seconds=90)

    [run] = world.server.get(f"/api/v1/events/{killer}/runs")["data"]
    story = world.server.get(f"/api/v1/runs/{run['id']}")
    assert story["error"]["type"] == "WorkerLost"
    assert (
        f"died {LOSSES - ALONE_AFTER} times in a row, alone, in step 'kill' (ended with exit code 1"
        in story["error"]["message"]
    )
    kills = [row for row in world.ledger.attempts() if (row.run, row.key) == (run["id"], "kill")]
    assert Counter(row.status for row in kills)["lost"] >= LOSSES - ALONE_AFTER
    assert len({line.pid for line in world.witness.steps()[run["id"], "kill"]}) == LOSSES
    told = f'"{story["error"]["message"]}"'
    eventually(lambda: [mourner.output for mourner in runs_of(world, "murder/on-failure")] == [told])

    (world.witness.path.parent / "gate").touch()
    eventually(lambda: [vigil.status for vigil in runs_of(world, "vigil")] == ["waiting"], within_seconds=60)
    world.ask("vigil/over", count=1)
    eventually(lambda: world.ledger.statuses() == Counter(completed=1 + 2 + 1, failed=1), within_seconds=60)


def test_a_run_in_a_process_of_its_own_does_all_that_runs_do(world: World) -> None:
    marches = world.ask("march/asked", "march/asked-in-threads", count=1)
    world.witness.sees(2)
    for run in [*runs_of(world, "march"), *runs_of(world, "march-in-threads")]:
        world.server.post(f"/api/v1/runs/{run.id}/signal", {"name": "go", "data": "now"})

    eventually(lambda: world.ledger.statuses() == Counter(completed=2 + 2 + 1), within_seconds=90)
    for event in marches:
        [run] = world.server.get(f"/api/v1/events/{event}/runs")["data"]
        assert run["output"] == ["book", [3, "now"], 5]
    alone = {(row.run, row.key): row.pid for row in world.ledger.attempts() if row.key == "left"}
    assert len(alone) == 2
    assert world.server.pid not in alone.values(), "executed beside others"
    assert len(world.ledger.bookings()) == len(set(world.ledger.bookings())) == 2
    world.assert_exact(marches)
