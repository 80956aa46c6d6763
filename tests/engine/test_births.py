"""Runs of functions with limits that begin in the transaction that stores them, and those that may not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
import pytest

from orchestrator.core.controls import Concurrency, Throttle, Timeouts
from orchestrator.core.flow import Flow
from orchestrator.core.limiting import run_limits
from orchestrator.core.ops import Status
from orchestrator.engine.admission import declared_limits, take_admitted
from orchestrator.engine.journal.items import NewRun, Start
from orchestrator.engine.journal.starts import apply_starts
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.limit_rows import lock_limits, target_of
from orchestrator.engine.sql import Connection, Id
from orchestrator.engine.terms import deadlines_of
from orchestrator.models import Deadline, Limit, Run, Slot
from tests.engine.reading import assert_dense, kinds
from tests.engine.writers import Session, all_at_once, end, engine_connection, event_start, insert, new_run, sessions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("transactional_db")]

THREE = Flow(concurrency=(Concurrency(3),))


@pytest.fixture
def session() -> Iterator[Session]:
    with sessions(1) as (one,):
        yield one


def born(session: Session, flow: Flow = THREE) -> NewRun:
    """A run that is to begin in that session, when its limits let it in."""
    new = new_run(session.id)
    limits = orjson.dumps(run_limits(1, "f", flow, {"data": {}})).decode()
    row = new.run._replace(limits=limits, seq=2)
    entries = [new.entries[0], new.entries[0]._replace(kind="run.started")]
    return replace(new, run=row, entries=entries, terms=deadlines_of(flow, row), flow=flow)


def known(session: Session, flow: Flow = THREE) -> None:
    """The limits have been looked at by a claim once."""
    declared = {key: declared_limits("f", flow)[target_of(key)] for key in run_limits(1, "f", flow, {"data": {}})}
    session.do(lambda tx: lock_limits(tx, declared) and None)


def test_a_run_that_its_limit_lets_in_begins_with_the_commit_that_stores_it(session: Session) -> None:
    known(session)
    [run] = insert(session, [born(session)])
    assert [new.run.id for new in session.heard[-1].started] == [run]
    assert Run.objects.get(id=run).owner == session.id
    assert Slot.objects.get().run == run
    assert kinds(run) == ["run.queued", "run.started"]


def test_those_beyond_the_limit_are_stored_at_its_gate_and_their_room_is_given_back(session: Session) -> None:
    known(session)
    runs = insert(session, [born(session) for _ in range(5)])
    held = list(Run.objects.filter(owner=None).order_by("id"))
    assert [row.id for row in held] == runs[3:]
    assert {(row.status, row.gate is not None, row.fence) for row in held} == {("queued", True, 0)}
    assert [new.run.id for new in session.heard[-1].refused] == runs[3:]
    assert session.heard[-1].gated == {held[0].gate}
    for run in runs:
        assert_dense(run)
    assert kinds(runs[4]) == ["run.queued"]


def test_who_waits_at_a_limit_is_not_overtaken(session: Session) -> None:
    known(session)
    runs = insert(session, [born(session) for _ in range(4)])
    session.submit(end(runs[0], 1))
    [late] = insert(session, [born(session)])
    assert Run.objects.get(id=late).owner is None
    assert Slot.objects.count() == 2


def test_places_given_back_are_told_only_where_somebody_waits(session: Session) -> None:
    known(session)
    [alone] = insert(session, [born(session)])
    session.submit(end(alone, 1))
    assert session.heard[-1].freed == set()
    runs = insert(session, [born(session) for _ in range(4)])
    session.submit(end(runs[0], 1))
    assert len(session.heard[-1].freed) == 1


def test_a_limit_that_nobody_has_looked_at_yet_is_left_to_a_claim(session: Session) -> None:
    [run] = insert(session, [born(session)])
    row = Run.objects.get(id=run)
    assert (row.owner, row.status, row.gate) == (None, "queued", None)
    assert session.heard[-1].ready


def test_a_paced_limit_lets_one_in_and_tells_when_the_next_is_due(session: Session) -> None:
    paced = Flow(throttle=Throttle(1, "1h"))
    known(session, paced)
    insert(session, [born(session, paced) for _ in range(3)])
    assert Run.objects.exclude(owner=None).count() == 1
    limit = Limit.objects.get()
    assert limit.held_at is not None
    assert limit.wake_at is not None
    assert limit.wake_at - limit.held_at == timedelta(hours=1)


def test_a_start_under_a_pace_that_holds_nobody_back_makes_nobody_look(session: Session) -> None:
    paced = Flow(throttle=Throttle(10, "1h", burst=10))
    known(session, paced)
    insert(session, [born(session, paced)])
    assert Run.objects.exclude(owner=None).count() == 1
    assert Limit.objects.exclude(tat=None).exists()
    session.do(lambda tx: None)  # by then all before it was heard
    assert not any(effects.due or effects.ready for effects in session.heard)


class Watched:
    """A connection that notes when something is asked, and when its answer is waited for."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self.noted: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def ask(self, sql: str, params: Sequence[Any] = ()) -> Callable[[], list[tuple[Any, ...]]]:
        self.noted.append("asked")
        answer = self._db.ask(sql, params)
        return lambda: self.noted.append("answered") or answer()  # type: ignore[func-returns-value]


def test_all_that_an_event_and_its_runs_have_to_know_is_asked_before_any_answer(session: Session) -> None:
    known(session)
    new = born(session)

    def apply(tx: Tx) -> list[str]:
        tx.db, tx.begins_limited = Watched(tx.db), True  # type: ignore[assignment]
        apply_starts(tx, [replace(event_start("order/paid", {}), runs=[new])])
        noted: list[str] = tx.db.noted  # type: ignore[attr-defined]
        return noted

    asked = 5  # who waits for the event, what it cancels, the limits, their overrides, the places taken
    assert session.do(apply) == ["asked"] * asked + ["answered"] * asked
    assert Run.objects.get(id=new.run.id).owner == session.id


def test_a_run_that_has_to_wait_has_its_time_to_start(session: Session) -> None:
    flow = Flow(concurrency=(Concurrency(1),), timeouts=Timeouts(start="1m", finish="1h"))
    known(session, flow)
    first, second = insert(session, [born(session, flow) for _ in range(2)])
    assert dict(Deadline.objects.values_list("run", "kind")) == {first: "finish", second: "start"}


def test_two_processes_together_let_no_more_in_than_the_limit() -> None:
    with sessions(2) as two:
        known(two[0])

        def store(session: Session) -> None:
            for _ in range(30):
                insert(session, [born(session)])

        all_at_once(*(partial(store, session) for session in two for _ in range(2)))
        # One that met the lock of the other process is left to the next claim, and nobody overtakes it.
        assert Run.objects.exclude(owner=None).count() == Slot.objects.count() <= 3
        two[0].do(lambda tx: take_admitted(tx, [("status = 'queued'", [])], {"f": THREE}, 500) and None)
    assert Run.objects.exclude(owner=None).count() == Slot.objects.count() == 3
    assert Run.objects.count() == 120


def test_a_limit_that_the_code_has_changed_is_left_to_a_claim(session: Session) -> None:
    known(session)
    [run] = insert(session, [born(session, Flow(concurrency=(Concurrency(5),)))])
    assert Run.objects.get(id=run).owner is None


@pytest.mark.postgres
def test_a_limit_that_another_process_looks_at_is_not_waited_for(session: Session) -> None:
    known(session)
    with engine_connection() as other:
        other.begin()
        other.query("SELECT key FROM signalbox_limit FOR UPDATE")
        [run] = insert(session, [born(session)])
        other.rollback()
    row = Run.objects.get(id=run)
    assert (row.owner, row.status, row.gate) == (None, "queued", None)


def test_in_one_transaction_with_a_claim_it_is_queued_and_the_claim_finds_it(session: Session) -> None:
    known(session)
    new = born(session)

    def apply(tx: Tx) -> Status:
        """What a batch with a claim in it does."""
        assert not tx.begins_limited
        apply_starts(tx, [Start(None, None, [new], None, ref="")])
        tx.flush()
        [(status,)] = tx.db.query("SELECT status FROM signalbox_run WHERE owner IS NULL")
        return Status(status)

    assert session.do(apply) is Status.QUEUED


def _left_to_the_next_claim(session: Session, flow: Flow) -> str:
    """A run that was stored beside something else that the journal was asked to do."""
    new = born(session, flow)
    session.do(lambda tx: apply_starts(tx, [Start(None, None, [new], None, ref="")]) and None)
    return new.run.id


def test_who_was_left_to_the_next_claim_is_not_overtaken(session: Session) -> None:
    one = Flow(concurrency=(Concurrency(1),))
    known(session, one)
    left = _left_to_the_next_claim(session, one)
    [late] = insert(session, [born(session, one)])
    rows = Run.objects.filter(id__in=[left, late])
    assert {(row.owner, row.status, row.gate) for row in rows} == {(None, "queued", None)}

    def claim(tx: Tx) -> None:
        tx.db.run("UPDATE signalbox_run SET gate = 'elsewhere' WHERE id = ?", [Id(left)])
        tx.effects.looked = True

    session.do(claim)
    [later] = insert(session, [born(session, one)])
    assert Run.objects.get(id=later).owner == session.id


def test_beside_who_was_left_one_begins_where_there_is_room_for_both(session: Session) -> None:
    known(session)
    _left_to_the_next_claim(session, THREE)
    begun = insert(session, [born(session) for _ in range(3)])
    owners = [Run.objects.get(id=run).owner for run in begun]
    assert owners == [session.id, session.id, None]
