"""SIGTERM in the middle of the work: bodies end, the rest is given back."""

from tests.chaos.world import World

ERRANDS = ("errand/asked", "errand/asked-in-threads")


def test_a_drained_process_leaves_nothing_behind_and_the_next_one_goes_on(world: World) -> None:
    accepted = world.ask(*ERRANDS, count=25)
    for lines in (40, 1, 40):  # the second time it has hardly begun
        world.drain_after(lines)
        assert world.witness.count("last") < 50, "the process was ended too late to prove anything"
        held = world.ledger.rows("SELECT id, status FROM signalbox_run WHERE owner IS NOT NULL")
        assert held == []
        assert world.ledger.count("signalbox_worker") == 0
        world.server.launch()
    world.all_complete(100)
    world.assert_exact(accepted)
    repeated = {place: lines for place, lines in world.witness.steps().items() if len(lines) > 1}
    assert not repeated, [world.ledger.journal()[run] for run, _ in repeated]
