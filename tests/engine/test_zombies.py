"""Transactional steps under take-overs: whoever lost its run rolls back, so that each effect happens exactly once."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError

from orchestrator.core.ops import CallRequest, OpKind
from orchestrator.engine.catalog import Catalog
from orchestrator.engine.clock import system_clock
from orchestrator.engine.facts import RunFacts
from orchestrator.engine.recording import Recorder
from orchestrator.engine.starting import Starting
from orchestrator.engine.transactions import transact
from orchestrator.models import Attempt
from orchestrator.sdk.transport import StepRun, Suspend
from tests.engine.reading import assert_dense, attempts
from tests.engine.test_fence import steal
from tests.engine.writers import Session, all_at_once, insert, new_run, now, sessions, step_done

pytestmark = pytest.mark.django_db(transaction=True)


class Worker:
    """A session that runs the transactional steps of the runs it believes to hold, in one thread."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.held: dict[str, int] = {}
        self.lost = 0

    def take_all(self, runs: list[str]) -> None:
        for run in runs:
            self.held[run] = self.session.do(lambda tx, run=run: steal(tx, run))

    def work(self, steps_of_each: int, steal_before_commit: Callable[[], None]) -> None:
        for run, fence in self.held.items():
            for n in range(steps_of_each):
                if not self.step(run, fence, n, steal_before_commit):
                    self.lost += 1
                    break

    def step(self, run: str, fence: int, n: int, steal_before_commit: Callable[[], None]) -> bool:
        if Attempt.objects.filter(run=run, key=f"tx{n}", status="completed").exists():
            return True
        facts = RunFacts(run, 1, "f", fence, 1, run, None, None, None, "default", "", now(), now())
        request = CallRequest(run, 1, "f", 1, now())
        recorder = Recorder(facts, request, "w", Starting(system_clock, Catalog()), 65536, 1 << 20)
        body = StepRun(f"tx{n}", OpKind.TRANSACTION, n, fence, now())

        def effect() -> None:
            User.objects.create(username=f"{run}:{n}")
            steal_before_commit()

        try:
            transact("default", self.session.journal, recorder, body, effect)
        except (Suspend, IntegrityError):  # its owner's rows are there already
            return False
        return True


def test_transactional_steps_are_exact_with_zombies_and_other_writers() -> None:
    steps_of_each = 4
    with sessions(4) as (side, *zombies):
        runs = insert(side, [new_run(side.id) for _ in range(12)])
        workers = [Worker(session) for session in zombies]

        def generation(number: int) -> Callable[[], None]:
            def work() -> None:
                worker = workers[number]
                worker.take_all(runs)
                worker.work(steps_of_each, lambda: None)

            return work

        all_at_once(*(generation(n) for n in range(3)))  # the last to take a run is its owner, the others are zombies
        last = workers[0]
        last.take_all(runs)
        for n, run in enumerate(runs):
            last.session.submit(step_done(run, last.held[run], f"side{n}"))
        last.work(steps_of_each, lambda: None)

    users = list(User.objects.order_by("username").values_list("username", flat=True))
    assert users == sorted(f"{run}:{n}" for run in runs for n in range(steps_of_each))
    assert sum(worker.lost for worker in workers) > 0
    for run in runs:
        done = [a for a in attempts(run) if a.op == "transaction"]
        assert sorted(a.key for a in done) == [f"tx{n}" for n in range(steps_of_each)]
        assert_dense(run)
