"""A signal sent while its run ends: acknowledged means that a live run saw it, else it is refused."""

import random

import pytest

from orchestrator import TaskContext, task
from orchestrator.core.errors import RunEnded
from orchestrator.core.ops import MessageKind
from orchestrator.engine.commands import leave_message
from orchestrator.engine.signals import send_signal
from orchestrator.models import Inbox, Journal
from tests.engine.conftest import StartEngine
from tests.engine.reading import assert_dense, completed, kinds
from tests.engine.writers import Session, all_at_once, end, insert, new_run, sessions

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 300


def test_an_acknowledged_signal_is_in_the_history_of_its_run_before_the_end() -> None:
    chance = random.Random(11)
    accepted: list[str] = []
    refused: list[str] = []

    def signal(sender: Session, run: str) -> None:
        try:
            sender.do(lambda tx: leave_message(tx, run, MessageKind.SIGNAL, "signal:1", {"name": "s", "data": 1}))
            accepted.append(run)
        except RunEnded:
            refused.append(run)

    with sessions(2) as (owner, sender):
        runs = insert(owner, [new_run(owner.id) for _ in range(ROUNDS)])
        for run in runs:
            owner_is_busy, sender_is_busy = chance.randrange(2), chance.randrange(2)

            def ends(run: str = run, busy: int = owner_is_busy) -> None:
                for _ in range(busy):
                    owner.do(lambda tx: None)
                owner.submit(end(run, 1))

            def sends(run: str = run, busy: int = sender_is_busy) -> None:
                for _ in range(busy):
                    sender.do(lambda tx: None)
                signal(sender, run)

            all_at_once(ends, sends)

    assert len(accepted) + len(refused) == ROUNDS
    assert accepted
    assert refused
    for run in accepted:
        assert kinds(run) == ["run.queued", "signal.received", "run.completed"]
        assert_dense(run)
    for run in refused:
        assert kinds(run) == ["run.queued", "run.completed"]
    assert not Inbox.objects.exists()


def test_signals_to_a_run_that_ends_by_itself_are_seen_or_refused(start: StartEngine) -> None:
    @task()
    async def brief(ctx: TaskContext) -> None:
        await ctx.step.run("work", lambda: None)

    start()
    for _ in range(40):
        run = brief.trigger()
        acknowledged = 0
        try:
            while True:
                send_signal(run, "s", acknowledged)
                acknowledged += 1
        except RunEnded:
            completed(run)
        received = Journal.objects.filter(run=run, kind="signal.received").count()
        assert received == acknowledged
        assert kinds(run)[-1] == "run.completed"
    assert not Inbox.objects.exists()
