"""No lost wakeup: a message left while its run is being released is seen by the sender or by the owner."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import fields
from queue import SimpleQueue
from typing import Any

import pytest

from orchestrator import TaskContext, task
from orchestrator.core.ops import MessageKind
from orchestrator.engine.bell import Change
from orchestrator.engine.claiming import WITH_MESSAGES
from orchestrator.engine.facts import Claimed
from orchestrator.engine.journal import writer as writer_module
from orchestrator.engine.journal.tx import Effects, Tx
from orchestrator.engine.resuming import resume
from orchestrator.engine.rows import InboxRow
from orchestrator.engine.signals import send_signal
from orchestrator.engine.sql import Id
from orchestrator.models import Inbox, Run
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, leftovers
from tests.engine.writers import Session, all_at_once, insert, new_run, now, rest, sessions, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 400


def heard_of(session: Session, run: str) -> bool:
    """Whether a commit of this session told it of a message for the run."""
    session.do(lambda tx: None)  # bells ring after the answer
    return any(run in effects.inbox_runs for effects in session.heard)


def try_run(session: Session, run: str) -> bool:
    """What an engine does when it is rung: claims the run if it is free, and settles what is in its inbox."""

    def claim(tx: Tx) -> list[Claimed]:
        taken = tx.db.claim(f"{WITH_MESSAGES} AND id = ?", [Id(run)], tx.owner, tx.now, 1)
        return resume(tx, taken, {})

    return any(claimed.drained.settled for claimed in session.do(claim))


def race(owner: Session, sender: Session, run: str, chance: random.Random) -> bool:
    """The owner releases the run while the sender leaves it a message; whether anybody settled the wait."""
    settled: SimpleQueue[bool] = SimpleQueue()

    busy = chance.randrange(5)

    def release() -> None:
        for _ in range(busy):  # the body runs on for a moment
            owner.do(lambda tx: None)
        owner.submit(rest(run, 1, wait_for(run, "go", key="w")))
        settled.put(heard_of(owner, run) and try_run(owner, run))

    def send() -> None:
        message = InboxRow(run, "step:w", MessageKind.EVENT, "{}", now())
        sender.do(lambda tx: tx.add(message))
        settled.put(heard_of(sender, run) and try_run(sender, run))

    all_at_once(release, send)
    return settled.get() | settled.get()


def races(rounds: int) -> int:
    """How many of so many messages nobody saw."""
    chance = random.Random(7)
    lost = 0
    with sessions(2) as (owner, sender):
        runs = insert(owner, [new_run(owner.id) for _ in range(rounds)])
        for run in runs:
            owner.heard.clear()
            sender.heard.clear()
            lost += not race(owner, sender, run, chance)
    return lost


def test_no_wakeup_is_lost_between_a_release_and_a_message() -> None:
    assert races(ROUNDS) == 0
    assert not Inbox.objects.exists()


def test_without_the_second_look_wakeups_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "look_at_released", lambda db, effects: None)
    assert races(150) > 0


@pytest.mark.parametrize("parked_runs", [1, 2000])
def test_signals_to_many_runs_that_rest_and_go_on_are_all_seen(start: StartEngine, parked_runs: int) -> None:
    @task()
    async def echo(ctx: TaskContext, count: int) -> list[int]:
        return [await ctx.step.wait_for_signal("n") for _ in range(count)]

    start(PARKED_RUNS=parked_runs)
    runs = [echo.trigger(15) for _ in range(8)]

    def sender(mine: list[str]) -> Callable[[], None]:
        def send_all() -> None:
            for n in range(15):
                for run in mine:
                    send_signal(run, "n", n)

        return send_all

    all_at_once(*(sender(runs[n::4]) for n in range(4)))

    for run in runs:
        assert completed(run) == list(range(15))
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}


def test_a_wait_settled_while_its_run_is_going_to_rest_wakes_it(start: StartEngine) -> None:
    @task()
    async def two_branches(ctx: TaskContext) -> list[Any]:
        async def busy() -> Any:
            for n in range(5):
                await ctx.step.run("work", lambda n=n: n)
            return await ctx.step.wait_for_signal("b")

        return await asyncio.gather(ctx.step.wait_for_signal("a"), busy())

    start()
    for _ in range(25):
        run = two_branches.trigger()
        send_signal(run, "a", 1)
        send_signal(run, "b", 2)
        assert completed(run) == [1, 2]
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}
    assert not Run.objects.exclude(status="completed").exists()


BELLS = {
    "changes",
    "released",
    "given_back",
    "left",
    "looked",
    "more",
}  # for who watches runs, and for the look that comes before


@pytest.mark.parametrize("name", [each.name for each in fields(Effects) if each.name not in BELLS])
def test_the_dispatcher_is_woken_by_all_that_it_acts_on(name: str) -> None:
    effects = Effects()
    filled: dict[type, Any] = {list: ["one"], set: {"one"}, dict: {"one": 1}, int: 1}
    setattr(effects, name, filled[type(getattr(effects, name))])
    assert effects.concern_dispatcher


def test_the_dispatcher_is_not_woken_by_steps_of_runs_that_go_on() -> None:
    assert not Effects(changes={"run": Change("run", 3)}).concern_dispatcher


def test_a_place_given_back_where_somebody_waits_is_known_once_it_was_asked_for() -> None:
    effects = Effects(given_back=[lambda: [("full", True), ("empty", False)]])
    effects.look_at_places()
    assert effects.freed == {"full"}
    assert effects.concern_dispatcher
