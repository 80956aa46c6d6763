"""Gates under several senders at once, failed commits, and runs that begin while an event would join them."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event as Flag
from typing import Any

import pytest
from django.db import connection

from orchestrator.core.controls import Batch, Debounce, Idempotency, RateLimit, Singleton
from orchestrator.core.flow import Flow, FlowControl
from orchestrator.core.routing import Trigger
from orchestrator.engine.catalog import Catalog, Registered
from orchestrator.engine.clock import system_clock
from orchestrator.engine.journal.batch import apply_batch
from orchestrator.engine.journal.items import Call, Ingest, Start
from orchestrator.engine.memory import memory_connection
from orchestrator.engine.session import tidy
from orchestrator.engine.sql import Id
from orchestrator.engine.sql.sqlite import SqliteConnection
from orchestrator.engine.starting import Starting, envelope, event_row
from orchestrator.models import Event, Limit, Run, RunEvent
from tests.engine.reading import assert_dense, journal, runs_of
from tests.engine.writers import Session, all_at_once, new_id, sessions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("transactional_db")]


def behind(*flow: FlowControl) -> Starting:
    """Starts of a function that has those gates, for events named ``came``."""
    catalog = Catalog()
    catalog.load([Registered(1, "gated", (Trigger(event="came"),), "default", Flow.of(flow))])
    return Starting(system_clock, catalog)


def came(starting: Starting, name: str = "came", **data: Any) -> Start:
    row = event_row(new_id(), 1, name, data, system_clock.now())
    return starting.event(row, envelope(row, data))


def send_all(session: Session, starts: list[Start]) -> None:
    for answer in [session.journal.submit(Ingest([start])) for start in starts]:
        answer.result(20)


def in_one_batch(session: Session, starts: list[Start]) -> None:
    busy, go = Flag(), Flag()

    def hold(tx: object) -> None:
        busy.set()
        go.wait(30)

    session.journal.submit(Call(hold))
    assert busy.wait(30)
    answers = [session.journal.submit(Ingest([start])) for start in starts]
    go.set()
    for answer in answers:
        answer.result(10)


def test_two_senders_never_start_more_than_the_rate() -> None:
    starting = behind(RateLimit(10, "1h", key="event.data.to"))
    with sessions(2) as both:
        starts = [[came(starting, to=n % 2) for n in range(40)] for _ in both]
        all_at_once(*(lambda s=s, some=some: send_all(s, some) for s, some in zip(both, starts, strict=True)))
    assert Run.objects.count() == 20
    assert Event.objects.filter(skipped__isnull=True).count() == 20
    assert {event.skipped[0]["reason"] for event in Event.objects.exclude(skipped=None) if event.skipped} == {
        "rate limit: 10 in 1 h have started already"
    }


def test_two_senders_fill_the_same_batches() -> None:
    starting = behind(Batch(10, "1h"))
    with sessions(2) as both:
        starts = [[came(starting, n=n) for n in range(50)] for _ in both]
        all_at_once(*(lambda s=s, some=some: send_all(s, some) for s, some in zip(both, starts, strict=True)))
    assert RunEvent.objects.values("event").distinct().count() == 100
    for run in Run.objects.values_list("id", flat=True):
        assert list(RunEvent.objects.filter(run=run).order_by("n").values_list("n", flat=True)) == list(range(10))
        assert_dense(run)


def test_two_senders_debounce_each_other() -> None:
    starting = behind(Debounce("1h"))
    with sessions(2) as both:
        starts = [[came(starting, n=n) for n in range(20)] for _ in both]
        all_at_once(*(lambda s=s, some=some: send_all(s, some) for s, some in zip(both, starts, strict=True)))
    [run] = Run.objects.all()
    [link] = RunEvent.objects.all()
    kept = Event.objects.get(id=link.event)
    assert kept.skipped is None
    assert Event.objects.exclude(id=kept.id).exclude(skipped=None).count() == 39
    assert_dense(run.id)


@pytest.mark.parametrize("control", [Singleton(), Singleton("queue"), Idempotency("event.name")])
def test_two_senders_start_one_run(control: FlowControl) -> None:
    starting = behind(control)
    with sessions(2) as both:
        starts = [[came(starting) for _ in range(10)] for _ in both]
        all_at_once(*(lambda s=s, some=some: send_all(s, some) for s, some in zip(both, starts, strict=True)))
    assert Run.objects.filter(gate=None).count() == 1
    assert Run.objects.count() == (2 if control == Singleton("queue") else 1)


def test_a_batch_of_events_that_failed_is_decided_anew(failpoint: Callable[[str], None]) -> None:
    starting = behind(Debounce("1h"), RateLimit(2, "1h"), Idempotency("event.data.n"))
    starts = [came(starting, n=n) for n in (1, 2, 2)]
    with sessions(1) as (session,):
        failpoint("before_commit=fail@2")  # the first one is that of the hold
        in_one_batch(session, starts)
    [run] = Run.objects.all()
    assert [entry.data["times"] for entry in journal(run.id) if entry.kind == "run.debounced" and entry.data] == [1]
    assert [len(Event.objects.get(id=start.ref).skipped or []) for start in starts] == [1, 0, 1]
    assert_dense(run.id)


def test_an_event_that_comes_while_the_run_is_being_taken_starts_the_next_one() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("runs on PostgreSQL only")
    starting = behind(Batch(10, "1h"))
    taken, go = Flag(), Flag()

    def take(tx: Any) -> None:
        tx.db.claim("id = ?", [Id(first)], tx.owner, tx.now, 1)
        taken.set()
        go.wait(30)

    with sessions(2) as (one, other):
        start = came(starting)
        one.submit(Ingest([start]))
        [first] = runs_of(start.ref)
        claim = one.journal.submit(Call(take))
        assert taken.wait(30)
        late = came(starting)
        other.submit(Ingest([late]))
        go.set()
        claim.result(10)
    [second] = runs_of(late.ref)
    assert second != first
    assert runs_of(start.ref) == [first]


def test_what_gates_remember_is_forgotten_when_it_no_longer_counts() -> None:
    starting = behind(Idempotency("event.data.n", ttl="1h"))
    with sessions(1) as (session,):
        session.submit(Ingest([came(starting, n=1), came(starting, n=2)]))
        Limit.objects.filter(key__endswith="|1").update(expires_at=system_clock.now() - timedelta(seconds=1))
        session.do(tidy)
    assert [key[-2:] for key in Limit.objects.values_list("key", flat=True)] == ["|2"]


class Counting(SqliteConnection):
    """Counts what it is asked."""

    statements = 0

    def query(self, *args: Any) -> list[tuple[Any, ...]]:
        self.statements += 1
        return super().query(*args)

    def run(self, *args: Any) -> None:
        self.statements += 1
        super().run(*args)

    def touch(self, *args: Any) -> Callable[[], int]:
        self.statements += 1
        return super().touch(*args)


def statements(starting: Starting, count: int, name: str = "came") -> int:
    db = Counting(":memory:", raw=memory_connection()._raw)
    owner = new_id()
    for _ in range(2):  # the second time with what is stored
        db.statements = 0
        starts = [came(starting, name, n=n) for n in range(count)]
        db.begin()
        apply_batch(db, owner, system_clock.now(), [Ingest(starts)])
        db.commit()
    db.close()
    return db.statements


@pytest.mark.parametrize(
    "control",
    [
        RateLimit(1, "1h", key="event.data.n"),
        Idempotency("event.data.n"),
        Debounce("1h", key="event.data.n"),
        Batch(10, "1h", key="event.data.n"),
        Singleton("skip", key="event.data.n"),
    ],
    ids=lambda control: type(control).__name__,
)
def test_the_statements_of_a_gate_do_not_grow_with_the_events(control: FlowControl) -> None:
    starting = behind(control)
    assert statements(starting, 60) == statements(starting, 2)


def test_functions_without_gates_ask_nothing_more() -> None:
    assert statements(behind(), 10) == statements(behind(), 10, "nobody-listens")
