"""Rules 7 to 11 of those that make the engine correct; their races are in the files beside this one."""

from datetime import UTC, datetime, timedelta
from threading import current_thread
from typing import Any

import pytest
from django.db import connection

from orchestrator import Context, SyncTaskContext, TaskContext, function, send, task
from orchestrator.core.errors import RunEnded
from orchestrator.core.ids import parse_id, timestamp
from orchestrator.core.ops import Status
from orchestrator.engine.cancel import cancel_run, terminate_run
from orchestrator.engine.endings import end_checkpoint
from orchestrator.engine.facts import RunFacts
from orchestrator.engine.journal.items import Checkpoint, NewRun
from orchestrator.engine.replay import replay_run
from orchestrator.engine.signals import send_signal
from orchestrator.engine.values import Stored
from orchestrator.models import Audit, Inbox, Run, Wait, Worker
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import (
    completed,
    journal,
    kinds,
    memo,
    run_of,
    run_row,
)
from tests.engine.writers import insert, new_run, now, sessions, step_done

pytestmark = pytest.mark.django_db(transaction=True)


def child_end(parent: str, child: NewRun) -> Checkpoint:
    row = child.run
    facts = RunFacts(row.id, 1, "f", 1, 1, parent, parent, "call", None, "default", "", row.queued_at, row.queued_at)
    checkpoint = Checkpoint(row.id, 1)
    end_checkpoint(checkpoint, facts, Status.COMPLETED, now(), stored=Stored('"done"'))
    return checkpoint


def test_7_a_childs_end_and_its_parents_wake_are_one_transaction(transactional_db: None) -> None:
    with sessions(1) as (session,):
        child = new_run(session.id)
        parent, _ = insert(session, [new_run(session.id), child])
        session.submit(step_done(child.run.id, 1, "s"))
        broken = child_end(parent, child)
        broken.rows += step_done(child.run.id, 1, "s").rows  # stored already: refused whole
        with pytest.raises(Exception, match=r"(?i)unique"):
            session.submit(broken)
        assert run_row(child.run.id).status == "running"
        assert not Inbox.objects.exists()

        session.submit(child_end(parent, child))
        assert run_row(child.run.id).status == "completed"
        [message] = Inbox.objects.all()
        assert (message.run, message.dedup, message.data["output"]) == (parent, "step:call", "done")


def test_7_a_signal_before_its_wait_is_received_and_an_event_before_its_wait_is_not(start: StartEngine) -> None:
    gate = Gate()

    @task()
    async def late(ctx: TaskContext) -> list[Any]:
        await ctx.step.run("work", gate.apass_through)
        signal = await ctx.step.wait_for_signal("early")
        return [signal, await ctx.step.wait_for_event("news", "early", timeout="50ms")]

    start()
    run = late.trigger()
    gate.reached()
    send_signal(run, "early", "kept")
    send("early")
    gate.open()

    assert completed(run) == ["kept", None]
    with pytest.raises(RunEnded):
        send_signal(run, "early")


def test_8_the_runs_of_a_dead_worker_go_on_at_the_start_of_the_next(start: StartEngine) -> None:
    @task(id="f")
    async def left(ctx: TaskContext) -> str:
        return "done"

    with sessions(1) as (dead,):
        runs = insert(dead, [new_run(dead.id) for _ in range(5)])
        if connection.vendor == "postgresql":  # where several live, a dead one is known by its expiry
            Worker.objects.update(expires_at=now() - timedelta(seconds=1))
    start()
    for run in runs:
        assert completed(run) == "done"
        assert kinds(run) == ["run.queued", "run.recovered", "run.resumed", "run.completed"]
        assert run_row(run).lost == 1


def test_9_ids_are_ulids_of_26_characters_and_128_bits(start: StartEngine) -> None:
    @function(on="e")
    async def on_e(ctx: Context[Any]) -> None: ...

    start()
    began = datetime.now(UTC)
    sent = send("e")
    run = run_of(sent)
    for id in (sent, run):
        assert len(id) == 26
        assert parse_id(id) == id
        assert abs((timestamp(id) - began).total_seconds()) < 10
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM signalbox_run")
        [(raw,)] = cursor.fetchall()
    assert len(getattr(raw, "bytes", raw)) == 16


def test_10_every_operator_action_is_an_audit_row(start: StartEngine) -> None:
    @task()
    async def resting(ctx: TaskContext) -> None:
        await ctx.step.wait_for_signal("go")

    start()
    first, second = resting.trigger(), resting.trigger()
    cancel_run(first, actor="Alice", reason="enough")
    terminate_run(second, actor="Bob")
    replay_run(first, actor="Carol")

    told = set(Audit.objects.values_list("actor", "action", "target", "reason"))
    assert ("Alice", "run.cancel", first, "enough") in told
    assert ("Bob", "run.terminate", second, "") in told
    assert any(actor == "Carol" and target == first for actor, _, target, _ in told)
    [entry] = [entry for entry in journal(second) if entry.kind == "run.cancelled"]
    assert entry.actor == "Bob"


@pytest.mark.parametrize("is_async", [True, False])
def test_11_author_code_never_runs_inside_a_transaction_of_ours(start: StartEngine, is_async: bool) -> None:
    seen: list[tuple[bool, str]] = []

    def look() -> None:
        seen.append((connection.in_atomic_block, current_thread().name))

    @task(id="looking")
    async def looking(ctx: TaskContext) -> None:
        await ctx.step.run("body", look)

    @task(id="sync-looking")
    def sync_looking(ctx: SyncTaskContext) -> None:
        look()
        ctx.step.run("body", look)

    start()
    completed((looking if is_async else sync_looking).trigger())
    for in_transaction, thread in seen:
        assert not in_transaction
        assert thread.startswith("signalbox-body")


def test_nothing_that_is_only_for_a_while_is_left_at_the_end(start: StartEngine) -> None:
    @task()
    async def child(ctx: TaskContext, n: int) -> int:
        await ctx.step.sleep("nap", "5ms")
        return n

    @task()
    async def everything(ctx: TaskContext) -> Any:
        await ctx.step.map("children", child, range(3))
        await ctx.step.wait_for_event("never", "never", timeout="10ms")
        return await ctx.step.wait_for_signal("go")

    start(PARKED_RUNS=3)
    runs = [everything.trigger() for _ in range(10)]
    for run in runs:
        send_signal(run, "go", 1, key="once")
        send_signal(run, "go", 1, key="once")
    for run in runs:
        assert completed(run) == 1
        assert memo(run, "children:2") == 2
    assert not Wait.objects.exists()
    assert not Inbox.objects.exists()
    assert not Run.objects.exclude(owner=None).exists()
