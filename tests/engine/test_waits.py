"""Sleeping and waiting: what settles a wait, and what does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator import Context, Retries, TaskContext, event, function, send, task
from orchestrator.core.errors import RunEnded, RunNotFound
from orchestrator.engine.cancel import cancel_run
from orchestrator.engine.signals import send_signal
from orchestrator.engine.triggering import trigger
from orchestrator.models import Inbox, Mail, Wait
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import (
    attempts,
    completed,
    ended,
    error,
    kinds,
    leftovers,
    run_of,
    run_row,
    soon,
    steps,
    until,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_sleeping_run_is_released_and_goes_on_in_time(start: StartEngine) -> None:
    @task()
    async def sleepy(ctx: TaskContext) -> None:
        await ctx.step.sleep("nap", "1s")

    start()
    run = sleepy.trigger()
    row = until(run, "sleeping")
    assert row.owner is None
    assert row.due_at is not None

    assert completed(run) is None
    [nap] = [attempt for attempt in attempts(run) if attempt.key == "nap"]
    lateness = nap.ended_at - datetime.fromisoformat(nap.detail["until"])
    assert timedelta(0) <= lateness < timedelta(milliseconds=250)
    assert leftovers()["wait"] == 0


def test_sleep_until_takes_an_aware_moment(start: StartEngine) -> None:
    @task()
    async def punctual(ctx: TaskContext) -> bool:
        moment = datetime.now(UTC) + timedelta(milliseconds=30)
        await ctx.step.sleep_until("then", moment)
        return True

    start()
    assert completed(punctual.trigger()) is True


def test_an_event_that_matches_wakes_the_run_and_another_does_not(start: StartEngine) -> None:
    @function(on="order/placed")
    async def ship(ctx: Context[Any]) -> Any:
        paid = await ctx.step.wait_for_event("paid", "order/paid", match="data.order")
        return paid.data["amount"] if paid else None

    start()
    run = run_of(send("order/placed", {"order": 1}))
    until(run, "waiting")
    send("order/paid", {"order": 2, "amount": 20})
    send("order/paid", {"order": 1, "amount": 10})
    send("order/paid", {"order": 1, "amount": 99})

    assert completed(run) == 10
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}


def test_an_expression_over_both_events_decides(start: StartEngine) -> None:
    @function(on="order/placed")
    async def ship(ctx: Context[Any]) -> Any:
        paid = await ctx.step.wait_for_event(
            "paid", "order/paid", if_="async.data.order == event.data.order && async.data.amount >= 10"
        )
        return paid.data["amount"] if paid else None

    start()
    run = run_of(send("order/placed", {"order": 1}))
    until(run, "waiting")
    send("order/paid", {"order": 1, "amount": 5})
    send("order/paid", {"order": 1, "amount": 15})

    assert completed(run) == 15


def test_an_event_before_the_wait_is_not_received(start: StartEngine) -> None:
    gate = Gate()

    @task()
    async def late(ctx: TaskContext) -> bool:
        await ctx.step.run("work", gate.apass_through)
        return await ctx.step.wait_for_event("news", "news/came", timeout="60ms") is None

    start()
    run = late.trigger()
    gate.reached()
    send("news/came")
    gate.open()

    assert completed(run) is True
    assert steps(run)["news"] == ["timed_out"]


def test_a_wait_for_an_event_that_does_not_come_ends_with_none(start: StartEngine) -> None:
    @task()
    async def patient(ctx: TaskContext) -> bool:
        return await ctx.step.wait_for_event("never", "never/comes", timeout="30ms") is None

    start()
    run = patient.trigger()

    assert completed(run) is True
    assert "step.timed_out" in kinds(run)
    assert leftovers()["wait"] == 0


def test_a_signal_before_the_wait_is_received(start: StartEngine) -> None:
    gate = Gate()

    @task()
    async def late(ctx: TaskContext) -> list[Any]:
        await ctx.step.run("work", gate.apass_through)
        return [await ctx.step.wait_for_signal("go"), await ctx.step.wait_for_signal("go")]

    start()
    run = late.trigger()
    gate.reached()
    send_signal(run, "go", 1)
    send_signal(run, "go", 2)
    soon(lambda: Mail.objects.count() == 2)
    gate.open()

    assert completed(run) == [1, 2]
    assert kinds(run).count("signal.received") == 2
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}


def test_a_signal_wakes_the_run_that_waits_for_its_name(start: StartEngine) -> None:
    @task()
    async def gated(ctx: TaskContext) -> Any:
        return await ctx.step.wait_for_signal("approval", timeout="1h")

    start()
    run = gated.trigger()
    until(run, "waiting")
    send_signal(run, "gossip", "ignored")
    send_signal(run, "approval", {"by": "Alice"})

    assert completed(run) == {"by": "Alice"}
    assert leftovers()["inbox"] == leftovers()["wait"] == 0


def test_a_signal_that_does_not_come_in_time_gives_none(start: StartEngine) -> None:
    @task()
    async def gated(ctx: TaskContext) -> Any:
        return await ctx.step.wait_for_signal("approval", timeout="30ms")

    start()
    run = gated.trigger()

    assert completed(run) is None
    assert steps(run)["approval"] == ["timed_out"]


def test_a_signal_with_a_key_is_applied_once(start: StartEngine) -> None:
    @task()
    async def counting(ctx: TaskContext) -> list[Any]:
        return [await ctx.step.wait_for_signal("n", timeout="1s") for _ in range(3)]

    start()
    run = counting.trigger()
    for key in ("a", "a", "b", "a"):
        send_signal(run, "n", key, key=key)

    assert completed(run) == ["a", "b", None]
    send_signal(run, "n", "a", key="a")  # whose answer was lost: it was received, though the run has ended since


def test_signals_of_one_sender_arrive_in_their_order_even_beside_steps(start: StartEngine) -> None:
    count = 40

    @task()
    async def consumer(ctx: TaskContext) -> list[int]:
        got = []
        for n in range(count):
            got.append(await ctx.step.wait_for_signal("n"))
            if n % 3 == 0:
                await ctx.step.run("work", lambda: None)
        return got

    start()
    run = consumer.trigger()
    for n in range(count):
        send_signal(run, "n", n)

    assert completed(run) == list(range(count))
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}


def test_signals_for_a_run_that_ended_or_never_was_are_refused(start: StartEngine) -> None:
    @task()
    async def brief(ctx: TaskContext) -> None:
        return None

    start()
    run = brief.trigger()
    completed(run)

    with pytest.raises(RunEnded, match="completed"):
        send_signal(run, "late")
    with pytest.raises(RunNotFound):
        send_signal("01JZ0000000000000000000000", "x")
    assert not Inbox.objects.exists()


def test_a_signal_for_a_delayed_run_waits_for_its_start(start: StartEngine) -> None:
    @task()
    async def later(ctx: TaskContext) -> Any:
        return await ctx.step.wait_for_signal("go")

    start()
    run = trigger("later", delay=timedelta(milliseconds=400))
    send_signal(run, "go", "early")
    assert run_row(run).status == "delayed"

    assert completed(run) == "early"
    row = run_row(run)
    assert row.started_at - row.queued_at >= timedelta(milliseconds=400)


def test_a_wait_that_the_database_cannot_store_fails_its_run_instead_of_hanging_it(start: StartEngine) -> None:
    @task(retries=0)
    async def wordy(ctx: TaskContext) -> Any:
        return await ctx.step.wait_for_signal("s", "x" * 600)

    start()
    run = wordy.trigger()

    assert ended(run).status == "failed"
    assert "name" in (error(run) or {})["message"]


def test_waiting_runs_leave_nothing_behind_when_they_are_cancelled(start: StartEngine) -> None:
    @event("e")
    class E:
        pass

    @task(retries=Retries(2))
    async def waiting(ctx: TaskContext) -> None:
        await ctx.step.wait_for_event("e", E)

    start()
    runs = [waiting.trigger() for _ in range(5)]
    for run in runs:
        until(run, "waiting")
    assert Wait.objects.count() == 5
    for run in runs:
        cancel_run(run)
    for run in runs:
        assert ended(run).status == "cancelled"
        assert steps(run)["e"] == ["cancelled"]
        assert kinds(run).count("step.cancelled") == 1
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}
