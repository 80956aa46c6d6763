"""Events against waits: one whose ingest begins after the wait's commit resumes it, and none resumes it twice."""

import random
import time
from threading import Lock

import pytest

from orchestrator.core.matching import plan_match
from orchestrator.engine.journal.items import Ingest
from orchestrator.models import Inbox
from tests.engine.writers import Session, all_at_once, event_start, insert, new_run, rest, sessions, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

WAITS = 240
KEYS = 12


class Ledger:
    """When each wait was durable, and when each event's ingest began."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.waiting: dict[str, tuple[int, float]] = {}
        self.sent: dict[int, list[float]] = {}

    def lost(self, resumed: set[str]) -> list[str]:
        return [
            run
            for run, (key, since) in self.waiting.items()
            if run not in resumed and any(began > since for began in self.sent.get(key, []))
        ]


def open_waits(session: Session, ledger: Ledger, runs: list[str]) -> None:
    for n, run in enumerate(runs):
        key = n % KEYS
        plan = plan_match("data.key", {"name": "x", "data": {"key": key}})
        session.submit(rest(run, 1, wait_for(run, "go", plan.eq)))
        with ledger.lock:
            ledger.waiting[run] = key, time.monotonic()


def send_events(session: Session, ledger: Ledger, done: "list[int]", openers: int) -> None:
    chance = random.Random(session.id)
    last_round = False
    while not last_round:
        last_round = len(done) == openers  # once more after the last wait was opened
        keys = range(KEYS) if last_round else chance.sample(range(KEYS), 3)
        began = time.monotonic()
        session.submit(Ingest([event_start("go", {"key": key}) for key in keys]))
        with ledger.lock:
            for key in keys:
                ledger.sent.setdefault(key, []).append(began)


def test_no_event_misses_a_wait_that_was_there_and_none_settles_it_twice() -> None:
    ledger = Ledger()
    done: list[int] = []
    with sessions(5) as many:
        owners, senders = many[:2], many[2:]
        runs = [insert(owner, [new_run(owner.id) for _ in range(WAITS // 2)]) for owner in owners]

        def opener(session: Session, mine: list[str]) -> None:
            try:
                open_waits(session, ledger, mine)
            finally:
                done.append(1)

        all_at_once(
            *(lambda o=owner, r=mine: opener(o, r) for owner, mine in zip(owners, runs, strict=True)),
            *(lambda s=sender: send_events(s, ledger, done, len(owners)) for sender in senders),
        )
    rows = list(Inbox.objects.values_list("run", flat=True))

    assert len(ledger.waiting) == WAITS
    assert ledger.lost(set(rows)) == []
    assert len(rows) == len(set(rows)), "a wait was settled twice"
    assert len(rows) == WAITS


def test_the_first_event_of_many_settles_the_wait(transactional_db: None) -> None:
    with sessions(2) as (owner, sender):
        [run] = insert(owner, [new_run(owner.id)])
        owner.submit(rest(run, 1, wait_for(run, "go")))
        first = sender.submit(Ingest([event_start("go", {"n": 1}), event_start("go", {"n": 2})]))
        sender.submit(Ingest([event_start("go", {"n": 3})]))

    [message] = Inbox.objects.all()
    assert message.data["id"] == first[0].ref
    assert message.data["data"] == {"n": 1}


def test_an_event_wakes_neither_other_names_nor_other_keys(transactional_db: None) -> None:
    with sessions(1) as (session,):
        runs = insert(session, [new_run(session.id) for _ in range(3)])
        eq = plan_match("data.key", {"name": "x", "data": {"key": 1}}).eq
        for run, (name, key) in zip(runs, [("go", eq), ("stop", eq), ("go", "")], strict=True):
            session.submit(rest(run, 1, wait_for(run, name, key)))
        session.submit(Ingest([event_start("go", {"key": 2})]))
    assert list(Inbox.objects.values_list("run", flat=True)) == [runs[2]]
