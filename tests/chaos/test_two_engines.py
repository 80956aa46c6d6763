"""Two processes work on one PostgreSQL database; one of them dies, or is taken for dead and comes back."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.chaos.engines import EngineProcess
from tests.chaos.world import World
from tests.eventually import eventually

pytestmark = pytest.mark.postgres

ERRANDS = ("errand/asked", "errand/asked-in-threads")
RECOVERED = "SELECT max(at), count(*) FROM signalbox_journal WHERE kind = 'run.recovered'"


@pytest.fixture
def start_engine_beside(
    world: World, tmp_path: Path, chaos_env: dict[str, str], database_url: str
) -> Iterator[Callable[[], EngineProcess]]:
    engines: list[EngineProcess] = []

    def start() -> EngineProcess:
        env = chaos_env | {"DATABASE_URL": database_url, "SIGNALBOX_HOME": str(world.server.home)}
        engines.append(EngineProcess(tmp_path / f"engine-{len(engines)}.log", env))
        return engines[-1]

    yield start
    for engine in engines:
        engine.stop()


def test_the_runs_of_a_killed_engine_go_on_in_another_within_its_lease(
    world: World, start_engine_beside: Callable[[], EngineProcess], chaos_env: dict[str, str]
) -> None:
    other = start_engine_beside()
    accepted = world.ask(*ERRANDS, count=25)
    world.kill_after(60)
    killed_at = datetime.now(UTC)
    assert world.witness.count("last") < 50, "the process was killed too late to prove anything"
    world.all_complete(100)
    [(last_recovery, recovered)] = world.ledger.rows(RECOVERED)
    assert recovered
    lease = timedelta(seconds=int(chaos_env["CHAOS_LEASE_SECONDS"]))
    assert last_recovery - killed_at < lease + timedelta(seconds=2)
    assert {line.pid for line in world.witness.lines() if line.step == "last"} == {other.pid}
    world.assert_exact(accepted)


def test_a_zombie_cannot_finish_runs_that_were_given_to_another(
    world: World, start_engine_beside: Callable[[], EngineProcess], chaos_env: dict[str, str]
) -> None:
    runs = 10
    world.ask("vigil/asked", count=runs)
    world.witness.sees(runs)
    zombie = world.server.engine_pid
    other = start_engine_beside()
    os.kill(zombie, signal.SIGSTOP)
    try:
        world.witness.sees(2 * runs)  # taken over: the bodies stand at the gate a second time
        Path(chaos_env["CHAOS_GATE"]).touch()
        eventually(lambda: world.ledger.statuses() == {"waiting": runs})
    finally:
        os.kill(zombie, signal.SIGCONT)
    eventually(lambda: "engine.session_lost" in world.server.output())

    def refused() -> bool:
        return all(("result.refused" in [kind for _, kind in run]) for run in world.ledger.journal().values())

    eventually(refused)
    watches = [row for row in world.ledger.attempts() if row.key == "watch"]
    assert {(row.number, row.status, row.pid) for row in watches} == {(1, "lost", zombie), (2, "completed", other.pid)}
    world.server.send("vigil/over")  # the zombie lives again, as a new session
    world.all_complete(runs)
    assert world.witness.count("last") == runs
