"""step.transaction: the author's rows and the checkpoint in one commit, exactly once, beside zombies and branches."""

import asyncio
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from orchestrator import Retries, StepError, SyncTaskContext, TaskContext, send, task
from orchestrator.engine import transactions
from orchestrator.engine.signals import send_signal
from orchestrator.models import Event as EventModel
from orchestrator.models import Run
from tests.engine.conftest import StartEngine
from tests.engine.reading import (
    attempts,
    completed,
    ended,
    error,
    kinds,
    run_row,
    runs_of,
    soon,
    steps,
    until,
)

pytestmark = pytest.mark.django_db(transaction=True)


def create_user(name: str) -> int:
    return User.objects.create(username=name).pk


def users() -> list[str]:
    return list(User.objects.order_by("username").values_list("username", flat=True))


@pytest.mark.parametrize("is_async", [True, False])
def test_rows_and_checkpoint_are_written_together_once(start: StartEngine, is_async: bool) -> None:
    @task(id="saving")
    async def saving(ctx: TaskContext) -> int:
        saved = await ctx.step.transaction("save", create_user, "alice")
        await ctx.step.sleep("rest", "10ms")
        return saved

    @task(id="sync-saving")
    def sync_saving(ctx: SyncTaskContext) -> int:
        saved = ctx.step.transaction("save", create_user, "alice")
        ctx.step.sleep("rest", "10ms")
        return saved

    start(PARKED_RUNS=1)
    run = (saving if is_async else sync_saving).trigger()

    assert completed(run) == User.objects.get().pk
    assert users() == ["alice"]
    assert steps(run)["save"] == ["completed"]
    assert next(a.op for a in attempts(run) if a.key == "save") == "transaction"


def test_a_body_that_fails_writes_nothing_and_is_tried_again(start: StartEngine) -> None:
    calls: list[int] = []

    def save() -> None:
        calls.append(1)
        create_user(f"user-{len(calls)}")
        if len(calls) < 3:
            raise RuntimeError("not yet")

    @task(retries=Retries(3, initial="10ms", jitter=0))
    async def saving(ctx: TaskContext) -> None:
        await ctx.step.transaction("save", save)

    start()
    run = saving.trigger()
    completed(run)

    assert users() == ["user-3"]
    assert steps(run)["save"] == ["failed", "failed", "completed"]


def test_an_unspeakable_output_rolls_the_rows_back(start: StartEngine) -> None:
    def save() -> Any:
        create_user("alice")
        return {1, 2}

    @task(retries=0)
    async def saving(ctx: TaskContext) -> str:
        try:
            await ctx.step.transaction("save", save)
        except StepError as failure:
            return str(failure)
        return "?"

    start()
    assert "a set" in completed(saving.trigger())
    assert users() == []


def test_a_large_output_is_a_blob_and_one_too_large_rolls_back(start: StartEngine) -> None:
    def save(size: int) -> str:
        create_user(f"user-{size}")
        return "x" * size

    @task(retries=0)
    async def saving(ctx: TaskContext, size: int) -> int:
        return len(await ctx.step.transaction("save", save, size))

    start(BLOB_BYTES=1000, MAX_VALUE_BYTES=5000)
    assert completed(saving.trigger(2000)) == 2000
    large = saving.trigger(9000)
    assert ended(large).status == "failed"
    assert "9,002 bytes" in (error(large) or {})["message"]
    assert users() == ["user-2000"]


def test_an_event_sent_in_the_body_is_routed_once_if_it_commits(start: StartEngine) -> None:
    calls: list[int] = []

    def save() -> str:
        calls.append(1)
        create_user(f"user-{len(calls)}")
        sent = send("user/joined", {"n": len(calls)})
        if len(calls) == 1:
            raise RuntimeError("rolled back")
        return sent

    @task(retries=Retries(2, initial="10ms", jitter=0))
    async def saving(ctx: TaskContext) -> Any:
        return await ctx.step.transaction("save", save)

    @task()
    async def waiting(ctx: TaskContext) -> Any:
        joined = await ctx.step.wait_for_event("joined", "user/joined")
        return joined.data if joined else None

    start()
    waits = waiting.trigger()
    until(waits, "waiting")
    sent = completed(saving.trigger())

    assert completed(waits) == {"n": 2}
    assert list(EventModel.objects.values_list("id", flat=True)) == [sent]
    assert runs_of(sent) == []


def test_a_transaction_inside_one_of_the_author_is_refused(start: StartEngine) -> None:
    @task(retries=0)
    def nested(ctx: SyncTaskContext) -> None:
        with transaction.atomic():
            ctx.step.transaction("save", create_user, "alice")

    start()
    run = nested.trigger()
    assert ended(run).status == "failed"
    assert "inside transaction.atomic()" in (error(run) or {})["message"]
    assert users() == []


def test_a_step_inside_a_transaction_is_refused(start: StartEngine) -> None:
    @task(retries=0)
    def nested(ctx: SyncTaskContext) -> None:
        ctx.step.transaction("save", lambda: ctx.step.run("inner", create_user, "alice"))

    start()
    run = nested.trigger()
    assert ended(run).status == "failed"
    assert "'inner' was called inside step 'save'" in (error(run) or {})["message"]
    assert users() == []


def test_other_branches_commit_beside_a_long_transaction(start: StartEngine) -> None:
    ready, go = Event(), Event()

    def save() -> None:
        create_user("alice")
        ready.set()
        go.wait(0.2 if connection.vendor == "sqlite" else 10)  # on SQLite nobody else can write meanwhile

    @task()
    async def branching(ctx: TaskContext) -> list[Any]:
        async def others() -> int:
            await asyncio.to_thread(ready.wait, 10)
            for n in range(10):
                await ctx.step.run(f"n{n}", lambda n=n: n)
            go.set()
            return 10

        return await asyncio.gather(ctx.step.transaction("save", save), others())

    start()
    run = branching.trigger()
    assert completed(run) == [None, 10]
    assert users() == ["alice"]
    assert steps(run)["save"] == ["completed"]
    assert kinds(run).count("step.completed") == 11


def test_a_run_taken_over_during_the_body_rolls_back_and_the_new_owner_writes_once(start: StartEngine) -> None:
    entered, go = Event(), Event()
    calls: list[int] = []

    def save() -> str:
        calls.append(1)
        if len(calls) == 1:
            if connection.vendor == "postgresql":
                create_user("zombie")
            entered.set()
            go.wait(30)
        create_user(f"user-{len(calls)}")
        return "saved"

    @task()
    def saving(ctx: SyncTaskContext) -> str:
        return ctx.step.transaction("save", save)

    host = start()
    run = saving.trigger()
    assert entered.wait(30)
    if connection.vendor == "sqlite":  # its body holds the write lock: taken over a moment before its end
        fence = run_row(run).fence
        monkey = transactions.FENCE
        transactions.FENCE = monkey.replace("fence = ?", "fence = ? + 1")
        go.set()
        soon(lambda: host.dispatcher.live == {} or run_row(run).status != "running")
        transactions.FENCE = monkey
        Run.objects.filter(id=run, fence=fence).update(owner=host.journal.clock.new_id())
    else:
        Run.objects.filter(id=run).update(owner=host.journal.clock.new_id())
        go.set()

    assert completed(run) == "saved"
    assert users() == ["user-2"]
    assert len(calls) == 2


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the limit is for SQLite's one write lock")
def test_a_body_that_holds_sqlites_lock_too_long_is_stopped(
    start: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "SQLITE_SECONDS", 0.05)

    def endless() -> None:
        create_user("alice")
        with connection.cursor() as cursor:
            cursor.execute("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c")

    @task(retries=0)
    async def saving(ctx: TaskContext) -> None:
        await ctx.step.transaction("save", endless)

    start()
    run = saving.trigger()
    assert ended(run).status == "failed"
    assert "held SQLite's only write lock" in (error(run) or {})["message"]
    assert users() == []


def test_a_signal_is_received_beside_transactions(start: StartEngine) -> None:
    @task()
    async def branching(ctx: TaskContext) -> list[Any]:
        async def saves() -> int:
            for n in range(15):
                await ctx.step.transaction(f"save{n}", create_user, f"u{n}")
            return 15

        return await asyncio.gather(saves(), *(ctx.step.wait_for_signal(f"s{n}") for n in range(10)))

    start()
    run = branching.trigger()
    for n in range(10):
        send_signal(run, f"s{n}", n)
    assert completed(run) == [15, *range(10)]
