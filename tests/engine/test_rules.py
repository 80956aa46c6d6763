"""Rules 1 to 6 of those that make the engine correct; their races are in the files beside this one."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from orchestrator import Context, Retries, SyncTaskContext, TaskContext, function, send, task
from orchestrator.core.errors import LeaseLost, Unserialisable
from orchestrator.core.events import IncomingEvent
from orchestrator.engine.bell import Change, subscribe
from orchestrator.engine.claiming import Draining
from orchestrator.engine.ingest import send_events
from orchestrator.engine.signals import send_signal
from orchestrator.models import Event, Journal, Run
from tests.engine.conftest import StartEngine
from tests.engine.reading import (
    assert_dense,
    attempts,
    completed,
    ended,
    kinds,
    run_row,
    runs_of,
    soon,
    steps,
    until,
)
from tests.engine.test_fence import steal
from tests.engine.writers import end, insert, new_run, sessions, step_done

pytestmark = pytest.mark.django_db(transaction=True)


def test_1_an_event_is_stored_with_all_its_runs_or_not_at_all(start: StartEngine) -> None:
    for number in range(3):

        @function(on="e", id=f"f{number}")
        async def on_e(ctx: Context[Any]) -> None: ...

    start()
    with pytest.raises(Unserialisable):
        send_events([IncomingEvent("e", {}), IncomingEvent("e", {"bad": object()})])
    assert not Event.objects.exists()

    sent = send("e")
    assert len(runs_of(sent)) == 3, "an answer is given only after the commit"

    with transaction.atomic():
        User.objects.create(username="alice")
        late = send("e")
    soon(lambda: len(runs_of(late)) == 3)
    assert Run.objects.count() == 6


def test_2_a_late_result_with_an_old_fence_is_refused_and_journaled(transactional_db: None) -> None:
    with sessions(2) as (old, new):
        [run] = insert(old, [new_run(old.id)])
        fence = new.do(lambda tx: steal(tx, run))
        with pytest.raises(LeaseLost):
            old.submit(end(run, 1))
        new.submit(step_done(run, fence, "mine"))
        new.do(Draining({run: fence}))
    assert steps(run) == {"mine": ["completed"]}
    assert kinds(run)[-1] == "result.refused"
    assert run_row(run).status == "running"


def test_3_a_finished_step_is_never_executed_again(start: StartEngine) -> None:
    calls: list[str] = []

    @task(retries=Retries(3, initial="10ms", jitter=0))
    async def once(ctx: TaskContext) -> str:
        key = await ctx.step.run("effect", lambda: calls.append("effect") or ctx.idempotency_key("effect"))
        await ctx.step.sleep("rest", "10ms")
        if ctx.attempt < 3:
            raise RuntimeError("the function is called again")
        return key

    start(PARKED_RUNS=1)
    run = once.trigger()

    assert completed(run) == f"{run}:effect"
    assert calls == ["effect"]
    assert steps(run)[""] == ["failed", "failed", "completed"]


def test_3_an_attempt_is_stored_once(transactional_db: None) -> None:
    with sessions(1) as (session,):
        [run] = insert(session, [new_run(session.id)])
        session.submit(step_done(run, 1, "s"))
        with pytest.raises(Exception, match=r"(?i)unique"):
            session.submit(step_done(run, 1, "s"))
        session.submit(step_done(run, 1, "s", number=2))
    assert steps(run) == {"s": ["completed", "completed"]}
    assert_dense(run)


def test_4_every_status_change_has_one_entry_and_the_history_is_gapless_and_live(start: StartEngine) -> None:
    heard: list[Change] = []
    stop = subscribe(heard.extend)
    try:

        @task(retries=Retries(2, initial="10ms", jitter=0))
        async def eventful(ctx: TaskContext) -> None:
            def fails_once() -> None:
                if ctx.attempt == 1 and not failed:
                    failed.append(1)
                    raise RuntimeError("once")

            failed: list[int] = []
            await ctx.step.run("flaky", fails_once)
            await ctx.step.sleep("rest", "10ms")
            await ctx.step.wait_for_signal("go")
            await ctx.step.send_event("tell", "told")

        start()
        run = eventful.trigger()
        soon(lambda: steps(run).get("go") == ["waiting"])
        send_signal(run, "go")
        completed(run)
        soon(lambda: any(change.run == run and change.seq == run_row(run).seq for change in heard))
    finally:
        stop()

    assert kinds(run) == [
        "run.queued",
        "run.started",
        "step.retrying",
        "step.completed",
        "step.sleeping",
        "run.sleeping",
        "run.resumed",
        "step.completed",
        "step.waiting",
        "run.waiting",
        "run.resumed",
        "signal.received",
        "step.completed",
        "step.completed",
        "run.completed",
    ]
    numbers = [change.seq for change in heard if change.run == run]
    assert numbers == sorted(numbers)
    later = Journal.objects.filter(run=run, seq__gt=numbers[0]).order_by("seq").values_list("seq", flat=True)
    assert list(later) == list(range(numbers[0] + 1, run_row(run).seq + 1))


def test_5_each_attempt_has_a_row_for_ever(start: StartEngine) -> None:
    @task(retries=Retries(3, initial="10ms", jitter=0))
    async def failing(ctx: TaskContext) -> None:
        def fails() -> None:
            raise ValueError("the reason")

        await ctx.step.run("fails", fails)

    start()
    run = failing.trigger()
    ended(run)

    tries = [attempt for attempt in attempts(run) if attempt.key == "fails"]
    assert [attempt.number for attempt in tries] == [1, 2, 3]
    for attempt in tries:
        assert attempt.status == "failed"
        assert attempt.started_at <= attempt.ended_at
        assert attempt.worker
        assert attempt.error["type"] == "ValueError"
        assert 'raise ValueError("the reason")' in attempt.error["traceback"]


def test_6_a_resting_run_holds_no_owner_thread_or_room(start: StartEngine) -> None:
    @task()
    async def resting(ctx: TaskContext, n: int) -> int:
        await ctx.step.wait_for_signal("go")
        return n

    @task()
    def sync_resting(ctx: SyncTaskContext, n: int) -> int:
        ctx.step.sleep("nap", "1h")
        return n

    host = start(CONCURRENCY=2, BODY_THREADS=1)
    runs = [resting.trigger(n) for n in range(6)] + [sync_resting.trigger(n) for n in range(6)]
    for run in runs:
        assert until(run, "waiting", "sleeping").owner is None
    soon(lambda: host.dispatcher.load.free() == 2)
    for run in runs[:6]:
        send_signal(run, "go")
    assert [completed(run) for run in runs[:6]] == list(range(6))
