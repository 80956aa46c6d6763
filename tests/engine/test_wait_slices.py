"""An event that very many waits might take settles them in slices, each wait once, and holds nobody up meanwhile."""

import pytest

from orchestrator.core.matching import plan_match
from orchestrator.engine.catalog import Catalog
from orchestrator.engine.clock import system_clock
from orchestrator.engine.journal import waits
from orchestrator.engine.journal.items import Ingest
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.routing import route_unrouted
from orchestrator.engine.starting import Starting
from orchestrator.models import Event, Idempotency, Inbox, Wait
from tests.engine.writers import Session, event_start, insert, new_run, rest, sessions, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

SLICE = 10


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "SLICE", SLICE)


def open_waits(session: Session, run: str, match: str, *keys: str) -> None:
    plan = plan_match(match, {"name": "x", "data": {}})
    rows = [wait_for(run, "go", plan.eq, key=key) for key in keys]
    session.submit(rest(run, 1, [each for a, wait in rows for each in (a, wait._replace(expr=plan.expr))]))


def waiting(session: Session, count: int, match: str = "data.n > 5") -> list[str]:
    runs = insert(session, [new_run(session.id) for _ in range(count)])
    for run in runs:
        open_waits(session, run, match, "w")
    return runs


def settled() -> set[str]:
    rows = list(Inbox.objects.values_list("run", flat=True))
    assert len(rows) == len(set(rows)), "a wait was settled twice"
    return set(rows)


def route(session: Session) -> bool:
    def slice_of(tx: Tx) -> bool:
        return route_unrouted(tx, Starting(system_clock, Catalog()))

    return bool(session.do(slice_of))


def test_waits_over_a_slice_are_asked_by_the_router() -> None:
    with sessions(1) as [session]:
        takers = waiting(session, 25)
        waiting(session, 8, "data.n > 100")
        session.submit(Ingest([event_start("go", {"n": 7})]))

        assert settled() == set(sorted(takers)[:SLICE])
        assert Event.objects.get().routed_at is None
        assert route(session)
        assert len(settled()) == 2 * SLICE
        while route(session):
            pass

        assert settled() == set(takers)
        assert Event.objects.get().routed_at is not None
        assert not Idempotency.objects.filter(scope=waits.SCOPE).exists()


def test_as_many_waits_as_a_slice_are_asked_with_the_event() -> None:
    with sessions(1) as [session]:
        takers = waiting(session, SLICE - 1)
        session.submit(Ingest([event_start("go", {"n": 7})]))
        assert settled() == set(takers)
        assert Event.objects.get().routed_at is not None


def test_the_index_key_leaves_few_waits_to_ask() -> None:
    with sessions(1) as [session]:
        for n in range(3 * SLICE):
            [run] = insert(session, [new_run(session.id)])
            open_waits(session, run, f"data.n == {n}", "w")
        session.submit(Ingest([event_start("go", {"n": 7})]))
        assert len(settled()) == 1
        assert Event.objects.get().routed_at is not None


def test_a_wait_that_begins_after_the_event_is_not_taken_by_a_later_slice() -> None:
    with sessions(1) as [session]:
        early = waiting(session, 2 * SLICE)
        session.submit(Ingest([event_start("go", {"n": 7})]))
        late = waiting(session, 1)
        after = Event.objects.get().received_at + 2 * waits.SKEW  # more than two clocks may differ
        Wait.objects.filter(run__in=late).update(created_at=after)
        while route(session):
            pass
        assert settled() == set(early)


def test_all_waits_of_a_run_are_asked_in_one_slice() -> None:
    with sessions(1) as [session]:
        [run] = insert(session, [new_run(session.id)])
        open_waits(session, run, "data.n > 5", *(f"w{n}" for n in range(2 * SLICE)))
        others = waiting(session, 3)
        session.submit(Ingest([event_start("go", {"n": 7})]))
        while route(session):
            pass
        assert Inbox.objects.filter(run=run).count() == 2 * SLICE
        assert Inbox.objects.filter(run__in=others).count() == 3


def test_other_events_go_on_while_one_is_asked_about() -> None:
    with sessions(1) as [session]:
        waiting(session, 3 * SLICE)
        slow = event_start("go", {"n": 7})
        session.submit(Ingest([slow]))
        quick = event_start("other", {})
        session.submit(Ingest([quick]))
        assert quick.event is not None
        assert Event.objects.get(id=quick.event.id).routed_at is not None
        assert Event.objects.filter(routed_at=None).count() == 1
