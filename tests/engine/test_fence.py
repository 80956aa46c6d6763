"""Several writers and thieves on the same runs: the fence decides, the history stays dense, nobody is told a lie."""

import random
from threading import Event, Lock
from typing import Any

import pytest
from django.db import transaction

from orchestrator.core.errors import LeaseLost
from orchestrator.core.ops import Status
from orchestrator.engine.claiming import Draining
from orchestrator.engine.journal.items import Call, Checkpoint, Entry
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.resuming import resume
from orchestrator.engine.sql import Id
from orchestrator.models import Attempt, Inbox, Journal, Run
from tests.engine.reading import assert_dense, kinds, run_row, steps
from tests.engine.writers import Session, all_at_once, insert, new_run, sessions, step_done

pytestmark = pytest.mark.django_db(transaction=True)

RUNS = 60
ROUNDS = 60
BATCH = 25


def steal(tx: Tx, run: str) -> int:
    """Takes a run over for this session, as recovery and claims do: the new fence."""
    [(fence, seq)] = tx.db.query(
        "UPDATE signalbox_run SET owner = ?, fence = fence + 1, seq = seq + 1 WHERE id = ? RETURNING fence, seq",
        [Id(tx.owner), Id(run)],
    )
    tx.number(run, seq - 1, [Entry("run.recovered", tx.now)])
    return int(fence)


class Holder:
    """A session that checkpoints what it believes to hold, and steals from the other."""

    def __init__(self, session: Session, runs: list[str]) -> None:
        self.session = session
        self.held = dict.fromkeys(runs, 1)
        self.told: set[tuple[str, str]] = set()
        self.refused = 0
        self.lock = Lock()

    def write(self) -> None:
        chance = random.Random(self.session.id)
        for n in range(ROUNDS):
            with self.lock:
                mine = list(self.held.items())
            chosen = chance.sample(mine, min(BATCH, len(mine)))
            key = f"{self.session.id}-{n}"
            futures = {(r, f): self.session.journal.submit(step_done(r, f, key)) for r, f in chosen}
            for (run, fence), future in futures.items():
                try:
                    future.result(10)
                    self.told.add((run, key))
                except LeaseLost:
                    self.refused += 1
                    with self.lock:
                        if self.held.get(run) == fence:
                            del self.held[run]

    def steal(self, runs: list[str], done: Event) -> None:
        chance = random.Random(self.session.id + "thief")
        while not done.is_set():
            run = chance.choice(runs)
            fence = self.session.do(lambda tx, run=run: steal(tx, run))
            with self.lock:
                self.held[run] = max(fence, self.held.get(run, 0))


def test_with_two_writers_and_two_thieves_the_history_stays_dense_and_acknowledgements_true() -> None:
    with sessions(2) as (first, second):
        runs = insert(first, [new_run(first.id) for _ in range(RUNS)]) + insert(
            second, [new_run(second.id) for _ in range(RUNS)]
        )
        holders = [Holder(first, runs[:RUNS]), Holder(second, runs[RUNS:])]
        done = Event()
        finished: list[int] = []

        def write(holder: Holder) -> None:
            try:
                holder.write()
            finally:
                finished.append(1)
                if len(finished) == len(holders):
                    done.set()

        all_at_once(
            *(lambda h=h: write(h) for h in holders),
            *(lambda h=h: h.steal(runs, done) for h in holders),
        )
    told = holders[0].told | holders[1].told
    stored = set(Attempt.objects.values_list("run", "key"))

    assert told == stored
    assert holders[0].refused + holders[1].refused > 0
    for run in runs:
        assert_dense(run)


def test_a_refused_item_beside_committed_ones(transactional_db: None) -> None:
    with sessions(2) as (first, second):
        runs = insert(first, [new_run(first.id) for _ in range(3)])
        second.do(lambda tx: steal(tx, runs[1]))
        blocked = Event()
        futures = hold_and_submit(first, blocked, [step_done(run, 1, "s") for run in runs])

        futures[0].result(10)
        futures[2].result(10)
        with pytest.raises(LeaseLost):
            futures[1].result(10)
        assert [list(steps(run)) for run in runs] == [["s"], [], ["s"]]
        for run in runs:
            assert_dense(run)


def hold_and_submit(session: Session, release: Event, items: list[Any]) -> list[Any]:
    """Submits all while the writer is busy, so that they are one batch."""
    session.journal.submit(Call(lambda tx: release.wait(10)))
    futures = [session.journal.submit(item) for item in items]
    release.set()
    return futures


def test_a_late_result_with_an_old_fence_is_refused_and_journaled(transactional_db: None) -> None:
    with sessions(2) as (old, new):
        [run] = insert(old, [new_run(old.id)])
        fence = new.do(lambda tx: steal(tx, run))
        with pytest.raises(LeaseLost, match=run):
            old.submit(step_done(run, 1, "late"))
        new.do(Draining({run: fence}))

        assert kinds(run) == ["run.queued", "run.recovered", "result.refused"]
        assert steps(run) == {}
        assert not Inbox.objects.exists()
        assert_dense(run)


def test_the_right_fence_of_the_wrong_owner_is_refused(transactional_db: None) -> None:
    with sessions(2) as (owner, other):
        [run] = insert(owner, [new_run(owner.id)])
        with pytest.raises(LeaseLost):
            other.submit(step_done(run, 1, "forged"))
        assert steps(run) == {}


def test_a_look_into_the_inbox_under_an_old_fence_settles_nothing(transactional_db: None) -> None:
    with sessions(2) as (old, new):
        [run] = insert(old, [new_run(old.id)])
        new.do(lambda tx: steal(tx, run))
        assert old.do(Draining({run: 1})) == []
        assert kinds(run) == ["run.queued", "run.recovered"]


def test_a_run_is_claimed_by_one_of_many(transactional_db: None) -> None:
    with sessions(4) as many:
        runs = insert(many[0], [new_run(None, Status.QUEUED) for _ in range(40)])
        taken: list[str] = []

        def claim(session: Session) -> None:
            def take(tx: Tx) -> list[str]:
                got = tx.db.claim("status = 'queued'", [], tx.owner, tx.now, 3)
                return [claimed.facts.id for claimed in resume(tx, got, {})]

            while got := session.do(take):
                taken.extend(got)

        all_at_once(*(lambda s=s: claim(s) for s in many))

        assert sorted(taken) == sorted(runs)
        for run in runs:
            assert (run_row(run).fence, kinds(run)) == (1, ["run.queued", "run.started"])
            assert_dense(run)


@pytest.mark.postgres
def test_a_run_locked_by_a_step_transaction_waits_for_the_next_batch(transactional_db: None) -> None:
    with sessions(1) as (session,):
        first, second = insert(session, [new_run(session.id), new_run(session.id)])

        with transaction.atomic():
            Run.objects.select_for_update(no_key=True).get(id=first)
            locked = session.journal.submit(step_done(first, 1, "s"))
            session.submit(step_done(second, 1, "s"))
            assert not locked.done()
        locked.result(10)
        assert steps(first) == steps(second) == {"s": ["completed"]}


def test_journal_entries_are_never_written_for_an_empty_checkpoint(transactional_db: None) -> None:
    with sessions(1) as (session,):
        [run] = insert(session, [new_run(session.id)])
        session.submit(Checkpoint(run, 1))
        assert Journal.objects.filter(run=run).count() == 1
