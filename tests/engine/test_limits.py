"""Concurrency, throttle and priority: what is let in, what waits, and when it goes on."""

import threading
from datetime import timedelta
from itertools import pairwise
from typing import Any

from orchestrator import Concurrency, Context, Priority, SyncTaskContext, TaskContext, Throttle, function, send, task
from orchestrator.core.ids import new_id
from orchestrator.engine.clock import system_clock
from orchestrator.engine.overrides import set_override
from orchestrator.models import Limit, LimitOverride, Run, Slot
from tests.engine.conftest import StartEngine
from tests.engine.gates import PATIENCE_SECONDS, Gate
from tests.engine.reading import completed, soon, until

LOOKS = 3


class Crowd:
    """How many are inside at once, by name. The first ones stay until so many as are ``awaited`` have been."""

    def __init__(self, awaited: int = 0) -> None:
        self.inside: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self._awaited = awaited
        self._reached = threading.Event()
        self._lock = threading.Lock()

    def enter(self, name: str) -> None:
        with self._lock:
            self.inside[name] = self.inside.get(name, 0) + 1
            self.most[name] = max(self.most.get(name, 0), self.inside[name])
            if self.most[name] >= self._awaited:
                self._reached.set()

    def leave(self, name: str) -> None:
        with self._lock:
            self.inside[name] -= 1

    def visit(self, name: str) -> str:
        self.enter(name)
        assert self._reached.wait(PATIENCE_SECONDS)
        for _ in range(LOOKS):
            Run.objects.count()  # time for others to come in, if they could
        self.leave(name)
        return name


def assert_nothing_is_held() -> None:
    soon(lambda: not Slot.objects.exists())
    assert not Run.objects.exclude(gate=None).exists()


def test_never_more_than_the_limit_execute_and_all_complete(start: StartEngine) -> None:
    crowd = Crowd(awaited=3)

    @task(flow=[Concurrency(3)])
    async def guarded(ctx: TaskContext, n: int) -> int:
        await ctx.step.run("visit", crowd.visit, "all")
        return n

    start()
    runs = guarded.batch_trigger({"n": n} for n in range(60))
    assert [completed(run) for run in runs] == list(range(60))
    assert crowd.most == {"all": 3}
    assert_nothing_is_held()


def test_each_value_of_a_key_has_a_limit_of_its_own_beside_the_one_for_all(start: StartEngine) -> None:
    crowd = Crowd()

    @function("job/asked", flow=[Concurrency(4), Concurrency(2, key="event.data.tenant")])
    async def guarded(ctx: Context[Any]) -> str:
        await ctx.step.run("all", crowd.visit, "all")
        return str(await ctx.step.run("visit", crowd.visit, ctx.event.data["tenant"]))

    start()
    for n in range(40):
        send("job/asked", {"tenant": f"t{n % 4}"})
    soon(lambda: Run.objects.filter(status="completed").count() == 40)
    assert crowd.most["all"] <= 4
    assert max(crowd.most[f"t{n}"] for n in range(4)) <= 2
    assert_nothing_is_held()


def test_a_sleeping_run_holds_no_place(start: StartEngine) -> None:
    @task(flow=[Concurrency(1)])
    async def sleeper(ctx: TaskContext) -> str:
        await ctx.step.wait_for_signal("never", timeout="1h")
        return "woken"

    start()
    runs = [sleeper.trigger() for _ in range(5)]
    for run in runs:
        until(run, "waiting")
    assert not Slot.objects.exists()


def test_a_named_limit_is_shared_by_functions(start: StartEngine) -> None:
    crowd = Crowd(awaited=2)

    @task(flow=[Concurrency(2, name="gpu")])
    async def train(ctx: TaskContext) -> str:
        return str(await ctx.step.run("visit", crowd.visit, "gpu"))

    @task(flow=[Concurrency(2, name="gpu")])
    def render(ctx: SyncTaskContext) -> str:
        return str(ctx.step.run("visit", crowd.visit, "gpu"))

    start()
    runs = [work.trigger() for _ in range(10) for work in (train, render)]
    assert {completed(run) for run in runs} == {"gpu"}
    assert crowd.most == {"gpu": 2}


def test_a_place_freed_by_a_wait_goes_to_the_next_and_is_taken_again_on_waking(start: StartEngine) -> None:
    crowd = Crowd()

    @task(flow=[Concurrency(1)])
    async def napping(ctx: TaskContext) -> str:
        await ctx.step.run("before", crowd.visit, "in")
        await ctx.step.sleep("nap", "20ms")
        return str(await ctx.step.run("after", crowd.visit, "in"))

    start()
    runs = [napping.trigger() for _ in range(6)]
    assert {completed(run) for run in runs} == {"in"}
    assert crowd.most == {"in": 1}
    assert_nothing_is_held()


def test_a_throttle_spaces_starts_evenly_and_loses_none(start: StartEngine) -> None:
    @task(flow=[Throttle(5, "500ms")])
    async def paced(ctx: TaskContext) -> None:
        return None

    start()
    runs = [paced.trigger() for _ in range(12)]
    for run in runs:
        completed(run)
    started = sorted(Run.objects.values_list("started_at", flat=True))
    assert min(later - earlier for earlier, later in pairwise(started)) >= timedelta(milliseconds=99)


def test_an_override_acts_on_what_waits_already(start: StartEngine) -> None:
    gate = Gate()

    @task(flow=[Concurrency(1)])
    async def guarded(ctx: TaskContext) -> str:
        await ctx.step.run("hold", gate.apass_through)
        return "done"

    start()
    runs = [guarded.trigger() for _ in range(4)]
    soon(lambda: Run.objects.filter(status="running").count() == 1 and Run.objects.exclude(gate=None).count() == 3)
    LimitOverride.objects.create(
        id=new_id(system_clock.now(), bytes(10)),
        env=1,
        target="concurrency:guarded:0",
        limit=4,
        created_at=system_clock.now(),
    )
    soon(lambda: Run.objects.filter(status="running").count() == 4)
    gate.open()
    assert {completed(run) for run in runs} == {"done"}
    assert Limit.objects.get().size == 4


def test_a_pace_that_is_made_faster_does_not_wait_for_the_slower_one(start: StartEngine) -> None:
    @task(flow=[Throttle(1, "1h")])
    async def paced(ctx: TaskContext) -> str:
        return "done"

    start()
    runs = [paced.trigger() for _ in range(4)]
    completed(runs[0])
    soon(lambda: Run.objects.exclude(gate=None).count() == 3)
    set_override("throttle:paced", 50, period=1.0)
    assert {completed(run) for run in runs} == {"done"}
    started = sorted(Run.objects.values_list("started_at", flat=True))[1:]
    assert min(later - earlier for earlier, later in pairwise(started)) >= timedelta(milliseconds=19)


def test_a_priority_puts_runs_before_others(start: StartEngine) -> None:
    order: list[str] = []

    @function("job/asked", flow=[Concurrency(1), Priority("event.data.ahead")])
    async def ordered(ctx: Context[Any]) -> None:
        await ctx.step.run("note", lambda: order.append(ctx.event.data["name"]))
        await ctx.step.run("rest", Run.objects.count)

    start()
    for n in range(4):
        send("job/asked", {"name": f"plain-{n}", "ahead": 0})
    send("job/asked", {"name": "vip", "ahead": 600})
    soon(lambda: len(order) == 5)
    assert order.index("vip") < 3
    assert [name for name in order if name != "vip"] == [f"plain-{n}" for n in range(4)]
