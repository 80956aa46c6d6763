"""step.transaction: the author's rows and the checkpoint in one commit, exactly once, whenever the process dies."""

from tests.chaos.world import World

RUNS, BRANCHES = 20, 6


def test_a_transaction_takes_effect_once_while_other_branches_commit_and_the_process_is_killed(world: World) -> None:
    accepted = world.ask("bookings/asked", count=RUNS)
    for kill in range(3):
        if kill:
            world.server.launch()
        world.kill_after(20)
    world.server.start()
    world.all_complete(RUNS)
    runs = [run.id for run in world.ledger.runs()]
    assert world.ledger.bookings() == sorted((run, f"book-{n}") for run in runs for n in range(BRANCHES))
    world.assert_exact(accepted)
