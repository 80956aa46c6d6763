"""kill -9 of ``manage.py dev`` in the middle of its work."""

from tests.chaos.world import World

ERRANDS = ("errand/asked", "errand/asked-in-threads")
KILLS = 4


def test_fifty_runs_complete_and_no_settled_step_runs_again_however_often_the_process_is_killed(world: World) -> None:
    accepted = world.ask(*ERRANDS, count=25)
    for kill in range(KILLS):
        if kill:
            world.server.launch()
        world.kill_after(40)
        assert world.witness.count("last") < 50, "the process was killed too late to prove anything"
    world.server.start()
    world.all_complete(100)  # each with its child; who lost two workers goes on alone
    world.assert_exact(accepted)
    assert {run.output for run in world.ledger.runs()} == {"21", "5"}  # 1 + 2 + 3 + 4 + 5 + 6, the 5 from the child
