"""More limits at which somebody waits than one look takes: all are looked at, in turn."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator import Concurrency, TaskContext, task
from orchestrator.engine import host, limit_sweep
from orchestrator.engine.limit_sweep import LimitSweep
from orchestrator.models import Limit, Run, Slot
from tests.engine.conftest import StartEngine
from tests.engine.reading import soon
from tests.engine.writers import Session, now, sessions

pytestmark = pytest.mark.django_db(transaction=True)
VALUES = 600


@pytest.fixture
def session() -> Iterator[Session]:
    with sessions(1) as [one]:
        yield one


def make_held(*names: str) -> list[str]:
    keys = [f"1:concurrency:f:0:{name}" for name in names]
    Limit.objects.bulk_create(Limit(key=key, env=1, target="concurrency:f:0", size=1, held_at=now()) for key in keys)
    return keys


def looked_at(session: Session, sweep: LimitSweep) -> list[str]:
    sweep.ask()
    return list(session.do(sweep.keys))


def test_each_is_looked_at_once_a_round_also_what_came_meanwhile(session: Session) -> None:
    assert limit_sweep.AT_ONCE < VALUES
    keys, sweep = make_held(*(f"{n:04}" for n in range(VALUES))), LimitSweep()
    first = looked_at(session, sweep)
    assert len(first) == limit_sweep.AT_ONCE
    late = make_held("late")
    rest = looked_at(session, sweep)
    assert sorted(first + rest) == keys, "all of them, each once"
    assert [*looked_at(session, sweep), *looked_at(session, sweep)] == [*first, *rest, *late], "round again"


def test_without_being_asked_it_looks_at_throttles_that_are_due(session: Session) -> None:
    keys, sweep = make_held("a", "b"), LimitSweep()
    Limit.objects.filter(key=keys[1]).update(wake_at=now())
    assert session.do(sweep.keys) == keys[1:]
    assert looked_at(session, sweep) == keys


def test_a_place_behind_six_hundred_full_limits_is_found_though_its_bell_was_lost(
    start: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "SWEEP_SECONDS", 0.1)

    @task(flow=[Concurrency(1, key="event.data.value")])
    async def occupy(ctx: TaskContext, value: int) -> Any:
        return await ctx.step.run("occupy", asyncio.Event().wait)

    dispatcher = start(CONCURRENCY=2 * VALUES).dispatcher
    for _ in range(2):
        for value in range(VALUES):
            occupy.trigger(value)
    soon(lambda: Limit.objects.exclude(held_at=None).count() == VALUES)
    soon(lambda: Run.objects.filter(status="running").count() == VALUES)
    soon(lambda: not dispatcher._places and not dispatcher._claiming)  # it has looked at those that were held just now
    last = Limit.objects.order_by("held_at", "key").last()
    assert last is not None

    Slot.objects.filter(key=last.key).delete()  # as after the end of its holder in a process that died before it rang

    soon(lambda: Slot.objects.filter(key=last.key).exists())
    assert Run.objects.filter(status="running").count() == VALUES + 1
    start.drain(0.1)
