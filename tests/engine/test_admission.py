"""What a look at limits costs, and what it tells of the runs that have to wait there."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
import pytest

from orchestrator.core.controls import Concurrency, Throttle
from orchestrator.core.flow import Flow
from orchestrator.core.limiting import concurrency_target, limit_key, throttle_target
from orchestrator.core.ops import Status
from orchestrator.engine.admission import take_admitted
from orchestrator.engine.clock import system_clock
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.limit_rows import PAGE, forget_idle
from orchestrator.models import Limit, Run, Slot
from orchestrator.models.fields import to_micros
from tests.engine.reading import assert_dense, kinds
from tests.engine.writers import Session, insert, new_id, new_run, sessions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("transactional_db")]

LIMIT = Concurrency(1, key="event.data.user")
FLOW = Flow(concurrency=(LIMIT,))


class Counted:
    """A connection that counts the statements it is asked for."""

    def __init__(self, db: Any) -> None:
        self._db = db
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        self.statements += name in {"query", "ask", "run", "touch", "insert", "claim"}
        return getattr(self._db, name)


@pytest.fixture
def session() -> Iterator[Session]:
    with sessions(1) as (one,):
        yield one


def key_of(user: str) -> str:
    return limit_key(1, concurrency_target("f", 0, LIMIT), user)


def add(session: Session, count: int, key: Callable[[int], str], status: Status = Status.QUEUED) -> list[str]:
    runs = []
    for n in range(count):
        new = new_run(status=status)
        runs.append(replace(new, run=new.run._replace(limits=orjson.dumps([key(n)]).decode())))
    return insert(session, runs)


def look(session: Session, room: int) -> int:
    """Claims what is let in; how many statements it took."""

    def apply(tx: Tx) -> int:
        db = tx.db
        tx.db = counted = Counted(db)  # type: ignore[assignment]
        try:
            take_admitted(tx, [("ended_at IS NULL", [])], {"f": FLOW}, room)
        finally:
            tx.db = db
        return counted.statements

    statements: int = session.do(apply)
    return statements


def told(session: Session, flow: Flow) -> list[datetime]:
    """Claims what is let in; when to look again."""

    def apply(tx: Tx) -> list[datetime]:
        take_admitted(tx, [("ended_at IS NULL", [])], {"f": flow}, 1000)
        return tx.effects.due

    moments: list[datetime] = session.do(apply)
    return moments


def test_runs_held_at_a_limit_cost_as_many_statements_however_many_they_are(session: Session) -> None:
    add(session, 5, lambda n: key_of("a few"))
    few = look(session, 1000)
    add(session, 200, lambda n: key_of("many"))
    assert look(session, 1000) == few
    assert Run.objects.exclude(gate=None).count() == 4 + 199


def test_limits_of_many_keys_are_locked_by_as_many_statements_as_one(session: Session) -> None:
    add(session, 1, lambda n: key_of("one"))
    one = look(session, 1000)
    add(session, 100, lambda n: key_of(f"user {n}"))
    assert look(session, 1000) == one
    assert Run.objects.filter(owner=None).count() == 0


def test_a_start_tells_when_the_next_is_due_only_where_somebody_waits(session: Session) -> None:
    paced = Flow(throttle=Throttle(1, "1h", burst=2))
    key = limit_key(1, throttle_target("f"), None)
    add(session, 1, lambda n: key)
    assert told(session, paced) == []
    add(session, 2, lambda n: key)  # one is let in, one waits
    assert told(session, paced) == [Limit.objects.get().wake_at]
    Run.objects.exclude(gate=None).update(gate=None)  # an hour later
    Limit.objects.update(tat=None)
    assert told(session, paced) == [Limit.objects.get().wake_at]


def test_a_run_that_wakes_into_a_full_limit_is_queued_and_its_history_says_so(session: Session) -> None:
    queued = add(session, 2, lambda n: key_of("u"))
    resting = add(session, 2, lambda n: key_of("u"), Status.SLEEPING)
    look(session, 1000)
    assert set(Run.objects.exclude(gate=None).values_list("status", flat=True)) == {"queued"}
    assert kinds(queued[1]) == ["run.queued"]
    assert kinds(resting[0]) == kinds(resting[1]) == ["run.queued", "run.queued"]
    for run in (queued[1], *resting):
        assert_dense(run)


def test_limits_that_nobody_needs_are_forgotten_page_by_page(session: Session) -> None:
    now = to_micros(system_clock.now())
    kept = {
        key_of("held"): {"held_at": system_clock.now()},
        key_of("pacing"): {"tat": now + 3_600_000_000},
        key_of("a gate's memory"): {"expires_at": system_clock.now() + timedelta(hours=1)},
        key_of("place taken"): {},
    }
    Limit.objects.bulk_create(Limit(key=key, env=1, target="concurrency:f:0", **values) for key, values in kept.items())
    Slot.objects.create(run=new_id(), key=key_of("place taken"), fence=1, at=system_clock.now())
    idle = [Limit(key=key_of(f"user {n}"), env=1, target="concurrency:f:0", tat=now - 1) for n in range(2 * PAGE)]
    Limit.objects.bulk_create(idle)
    after: str | None = ""
    pages = 0
    while after is not None:
        after = session.do(partial(forget_idle, after=after))
        pages += 1
    assert pages == 3
    assert set(Limit.objects.values_list("key", flat=True)) == set(kept)
