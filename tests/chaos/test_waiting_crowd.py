"""F19: a crowd of requests that wait for the end of a run takes no thread, no memory, and nobody else's time."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.memory import pss_mb
from orchestrator.api.crowd_asgi import AT_ONCE
from tests.chaos.conftest import StartWorld
from tests.chaos.crowd import Crowd
from tests.chaos.world import World
from tests.eventually import eventually

pytestmark = pytest.mark.timeout(300)

FEW_FILES = 256
ASKED = 50
FLAT = 1.25
WAITING_THREADS = 4  # of the requests that are asked meanwhile, and the one that looks for ends
SLOW_SECONDS = 3.0  # on a machine that runs a whole test suite; docs/reliability.md has figures of a quiet one


@contextmanager
def few_files() -> Iterator[None]:
    """What is started meanwhile may open few files at first, as a login shell's children may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def threads(world: World) -> int:
    return len(list(Path(f"/proc/{world.server.pid}/task").iterdir()))


def vigil(world: World) -> str:
    """A run that waits for ``vigil/over``."""
    [event] = world.ask("vigil/asked", count=1)
    eventually(lambda: world.ledger.statuses()["waiting"] == 1)
    [run] = world.server.get(f"/api/v1/events/{event}/runs")["data"]
    return str(run["id"])


async def wait_and_ask(world: World, people: int) -> tuple[list[float], list[int], list[int]]:
    """How long others' requests took, and how many threads there were, while a crowd waited and was let go."""
    run, crowd = vigil(world), Crowd(world.server)
    waiting = [asyncio.ensure_future(crowd.get(f"/api/v1/runs/{run}?wait=30")) for _ in range(people)]
    await Crowd(world.server).ask_meanwhile(ASKED, lambda: None)  # by then they are all there
    resting = await crowd.ask_meanwhile(ASKED, lambda: threads(world))
    assert not [request for request in waiting if request.done()]
    world.server.send("vigil/over")
    leaving = await crowd.ask_meanwhile(ASKED, lambda: threads(world))
    answers: list[Any] = await asyncio.gather(*waiting)
    assert [answer["status"] for answer in answers] == ["completed"] * people
    return crowd.times, resting, leaving


@pytest.mark.parametrize("people", [300, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_crowd_that_waits_for_an_end_keeps_nobody_else_waiting(people: int, start_world: StartWorld) -> None:
    with few_files():
        world = start_world()
    (world.witness.path.parent / "gate").touch()
    before, memory = threads(world), []
    for _ in range(2):
        times, resting, leaving = asyncio.run(wait_and_ask(world, people))
        memory.append(pss_mb([world.server.pid]))
        assert max(resting) <= before + WAITING_THREADS, resting
        assert max(leaving) <= before + WAITING_THREADS + AT_ONCE, leaving
        slowest = sorted(times)[-max(1, len(times) // 100)]
        assert slowest < SLOW_SECONDS
    assert memory[1] < memory[0] * FLAT
