"""How claims share a burst of runs: bite by bite, so that several workers begin them, and none looks in vain."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.conf import settings
from orchestrator.core.flow import NO_FLOW
from orchestrator.core.ops import Status
from orchestrator.engine.bell import Change
from orchestrator.engine.catalog import Catalog
from orchestrator.engine.claiming import Claiming
from orchestrator.engine.clock import system_clock
from orchestrator.engine.doorbell import News, Ringer
from orchestrator.engine.limit_sweep import LimitSweep
from orchestrator.engine.load import FIRST_BITE, LARGEST_BITE, Load
from orchestrator.engine.pausing import Pauses
from orchestrator.engine.starting import Starting
from orchestrator.models import Run
from tests.engine.writers import Session, insert, new_run, sessions
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)


def bite(session: Session, size: int, room: int = 500) -> tuple[int, bool, bool]:
    """How many runs a claim took, whether it says that there are more, and whether it rings for them."""
    known: Any = SimpleNamespace(id="f", flow=NO_FLOW)
    starting = Starting(system_clock, Catalog())
    claim = Claiming(settings(), [known], room, size, {}, starting, Pauses(), (), LimitSweep())
    claimed, more = session.do(claim)
    session.do(lambda tx: None)  # by then the claim's effects were told
    told = [effects for effects in session.heard if effects.changes][-1]
    assert told.looked is not more
    return len(claimed), more, told.more


def test_two_workers_share_a_burst_and_the_last_bite_says_that_it_was_the_last(transactional_db: None) -> None:
    with sessions(2) as (one, other):
        insert(one, [new_run(status=Status.QUEUED) for _ in range(60)])

        assert bite(one, 25) == (25, True, True)
        assert bite(other, 25) == (25, True, True)
        assert bite(one, 50) == (10, False, False)
        owners = list(Run.objects.values_list("owner", flat=True))
        assert (owners.count(one.id), owners.count(other.id)) == (35, 25)


def test_a_full_bite_that_leaves_nothing_rings_nobody(transactional_db: None) -> None:
    with sessions(1) as [one]:
        insert(one, [new_run(status=Status.QUEUED) for _ in range(25)])

        assert bite(one, 25) == (25, False, False)


def test_who_has_no_room_for_more_rings_nobody(transactional_db: None) -> None:
    with sessions(1) as [one]:
        insert(one, [new_run(status=Status.QUEUED) for _ in range(5)])

        assert bite(one, 25, room=3) == (3, True, False)  # it would ring each time that a run ends


def test_bites_grow_while_there_are_more() -> None:
    load = Load(500)
    sizes = [load.bite]
    for _ in range(4):
        assert load.bitten(more=True)
        sizes.append(load.bite)

    assert sizes == [FIRST_BITE, 50, 100, LARGEST_BITE, LARGEST_BITE]
    assert not load.bitten(more=False)
    assert load.bite == FIRST_BITE


def test_news_are_awaited_where_somebody_may_go_on_with_them() -> None:
    going_on, ended = Change("a", 3), Change("b", 9, Status.COMPLETED)

    assert not News(changes={"a": going_on}).is_awaited
    assert News(changes={"a": going_on, "b": ended}).is_awaited
    assert News(ready=2).is_awaited
    assert News(runs={"a"}).is_awaited


class Bell:
    """A doorbell that remembers, and that can be held while it rings."""

    def __init__(self) -> None:
        self.heard: list[News] = []
        self.free = threading.Event()
        self.free.set()

    def ring(self, news: News) -> None:
        self.heard.append(news)
        self.free.wait(10)

    def close(self) -> None:
        pass


def test_what_comes_while_a_bell_rings_is_rung_together_and_nothing_is_lost() -> None:
    bell = Bell()
    bell.free.clear()
    ringer = Ringer([bell])
    ringer.tell(News(ready=1))
    eventually(lambda: bell.heard)
    for n in range(10):
        ringer.tell(News(ready=1, runs={f"run-{n}"}, changes={"a": Change("a", n)}))
    bell.free.set()
    eventually(lambda: len(bell.heard) == 2)

    assert (bell.heard[1].ready, len(bell.heard[1].runs)) == (10, 10)
    assert bell.heard[1].changes == {"a": Change("a", 9)}
    ringer.tell(News(changes={"b": Change("b", 1)}))
    ringer.close()
    assert {run for news in bell.heard for run in news.changes} == {"a", "b"}
