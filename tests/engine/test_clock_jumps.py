"""F12: the clock jumps by an hour, a laptop sleeps: what was to happen happens once, and soon."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from orchestrator import TaskContext, task
from orchestrator.engine.clock import VirtualClock
from orchestrator.engine.timers import Timers
from orchestrator.testing import Harness

HOUR = timedelta(hours=1)
SOON_SECONDS = 10


class Loop(asyncio.SelectorEventLoop):
    """Its clock can be moved on."""

    skipped = 0.0

    def time(self) -> float:
        return super().time() + self.skipped


class WallClock(VirtualClock):
    def set_back(self, delta: timedelta) -> None:
        self._now -= delta


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def turn(loop: Loop, seconds: float) -> None:
    """The loop's clock moves on by so much, and what is due by it is called."""
    loop.skipped += seconds
    for _ in range(3):
        loop.call_soon(loop.stop)
        loop.run_forever()


def test_a_timer_that_a_suspended_laptop_slept_through_fires_once_soon_after(loop: Loop) -> None:
    clock = WallClock()
    timers, fired = Timers(clock, loop), list[datetime]()
    timers.at(clock.now() + HOUR, lambda: fired.append(clock.now()))
    turn(loop, SOON_SECONDS)
    assert not fired
    clock.advance(timedelta(minutes=78))  # the loop's clock stood meanwhile
    turn(loop, SOON_SECONDS)
    assert len(fired) == 1
    turn(loop, 2 * SOON_SECONDS)
    assert len(fired) == 1


def test_a_timer_waits_for_its_moment_though_the_clock_is_set_back(loop: Loop) -> None:
    clock = WallClock()
    timers, fired = Timers(clock, loop), list[datetime]()
    due = clock.now() + timedelta(seconds=5)
    timers.at(due, lambda: fired.append(clock.now()))
    clock.set_back(HOUR)
    turn(loop, 5)
    assert not fired
    clock.advance(HOUR + timedelta(seconds=5))
    turn(loop, SOON_SECONDS)
    assert fired == [due]


@pytest.mark.usefixtures("functions")
def test_sleeps_that_a_jump_passes_all_end_once() -> None:
    woken: list[str] = []

    @task()
    async def sleeper(ctx: TaskContext) -> list[str]:
        async def nap(name: str, minutes: int) -> None:
            await ctx.step.sleep(name, timedelta(minutes=minutes))
            await ctx.step.run(f"note-{name}", woken.append, name)

        await asyncio.gather(nap("long", 70), nap("short", 10), nap("longer", 100))
        return woken

    with Harness() as harness:
        run = harness.trigger(sleeper)
        harness.advance("78m")
        assert sorted(woken) == ["long", "short"]
        assert run.status == "sleeping"
        harness.advance("1h")
        assert run.status == "completed"
        assert woken[2:] == ["longer"]
