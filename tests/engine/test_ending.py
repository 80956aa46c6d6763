"""Cancel and terminate, whatever the run is doing."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from orchestrator import Retries, SyncTaskContext, TaskContext, task
from orchestrator.core.errors import RunEnded, RunNotFound
from orchestrator.engine import live
from orchestrator.engine.cancel import cancel_run, terminate_run
from orchestrator.engine.triggering import trigger
from orchestrator.models import Audit, Run
from orchestrator.sdk.registry import registry
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import completed, ended, journal, kinds, leftovers, run_row, soon, steps, until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_queued_run_is_cancelled_without_its_code(start: StartEngine) -> None:
    calls: list[int] = []

    @task()
    async def one(ctx: TaskContext) -> None:
        calls.append(1)

    start()
    run = trigger("one", delay=timedelta(hours=1))
    registry.remove("one")  # no worker knows it any more
    cancel_run(run, actor="Alice", reason="a mistake")

    assert ended(run).status == "cancelled"
    assert calls == []
    [entry] = [entry for entry in journal(run) if entry.kind == "run.cancelled"]
    assert (entry.actor, entry.data["reason"]) == ("Alice", "a mistake")
    audit = Audit.objects.get(target=run)
    assert (audit.actor, audit.action, audit.reason) == ("Alice", "run.cancel", "a mistake")


def test_a_running_async_run_is_unwound_with_its_cleanup(start: StartEngine) -> None:
    gate = Gate()
    cleaned: list[str] = []

    @task()
    async def running(ctx: TaskContext) -> None:
        try:
            await ctx.step.run("long", gate.apass_through)
        finally:
            cleaned.append("cleaned")

    start()
    run = running.trigger()
    gate.reached()
    soon(lambda: steps(run) == {"long": ["running"]})
    cancel_run(run)

    assert ended(run).status == "cancelled"
    gate.open()
    assert cleaned == ["cleaned"]
    assert steps(run) == {"long": ["cancelled"]}
    assert kinds(run)[-3:] == ["cancel.requested", "step.cancelled", "run.cancelled"]


def test_a_running_sync_run_ends_when_its_body_has_ended(start: StartEngine) -> None:
    gate = Gate()
    after: list[str] = []

    @task()
    def running(ctx: SyncTaskContext) -> None:
        ctx.step.run("long", gate.pass_through)
        ctx.step.run("after", lambda: after.append("after"))

    start()
    run = running.trigger()
    gate.reached()
    cancel_run(run)
    soon(lambda: "cancel.requested" in kinds(run))
    assert run_row(run).status == "running"
    gate.open()

    assert ended(run).status == "cancelled"
    assert after == []


def test_a_sync_body_that_does_not_end_holds_its_cancelled_run_for_a_grace_only(
    start: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CANCEL_GRACE", timedelta(milliseconds=50))
    gate = Gate()

    @task()
    def stubborn(ctx: SyncTaskContext) -> None:
        ctx.step.run("long", gate.pass_through)

    start()
    run = stubborn.trigger()
    gate.reached()
    cancel_run(run)

    assert ended(run).status == "cancelled"
    gate.open()
    assert kinds(run)[-1] == "run.cancelled"


@pytest.mark.parametrize("parked_runs", [1, 2000])
def test_a_sleeping_run_is_cancelled_at_rest(start: StartEngine, parked_runs: int) -> None:
    @task()
    async def sleeping(ctx: TaskContext) -> None:
        await ctx.step.sleep("long", "1h")

    host = start(PARKED_RUNS=parked_runs)
    runs = [sleeping.trigger() for _ in range(3)]
    for run in runs:
        until(run, "sleeping")
        cancel_run(run)
    for run in runs:
        assert ended(run).status == "cancelled"
        assert steps(run) == {"long": ["cancelled"]}
    soon(lambda: not host.dispatcher.parked)
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}


def test_a_run_between_two_attempts_is_cancelled(start: StartEngine) -> None:
    @task(retries=Retries(3, initial="1h"))
    async def failing(ctx: TaskContext) -> None:
        raise RuntimeError("no")

    start()
    run = failing.trigger()
    until(run, "retrying")
    cancel_run(run)
    assert ended(run).status == "cancelled"
    assert leftovers()["wait"] == 0


def test_a_cancelled_run_that_catches_its_cancellation_is_cancelled_all_the_same(start: StartEngine) -> None:
    gate = Gate()

    @task()
    async def clinging(ctx: TaskContext) -> str:
        with suppress(asyncio.CancelledError):
            await ctx.step.run("long", gate.apass_through)
        return "completed after all"

    start()
    run = clinging.trigger()
    gate.reached()
    cancel_run(run)
    assert ended(run).status == "cancelled"
    gate.open()


def test_terminate_ends_a_run_at_once_and_its_late_result_is_refused(start: StartEngine) -> None:
    gate = Gate()

    @task()
    async def running(ctx: TaskContext) -> str:
        await ctx.step.run("long", gate.apass_through)
        return "late"

    start()
    run = running.trigger()
    gate.reached()
    terminate_run(run, actor="Bob")

    assert run_row(run).status == "cancelled"
    gate.open()
    soon(lambda: run_row(run).owner is None)
    assert ended(run).status == "cancelled"
    assert steps(run).get("long") in (None, ["cancelled"])
    assert [entry.data.get("terminated") for entry in journal(run) if entry.kind == "run.cancelled"] == [True]


def test_ending_twice_or_nothing_is_refused(start: StartEngine) -> None:
    @task()
    async def brief(ctx: TaskContext) -> None: ...

    start()
    run = brief.trigger()
    completed(run)
    for end in (cancel_run, terminate_run):
        with pytest.raises(RunEnded):
            end(run)
        with pytest.raises(RunNotFound):
            end("01JZ0000000000000000000000")
    assert Audit.objects.count() == 0


def test_a_cancel_that_was_acknowledged_survives_the_process(start: StartEngine) -> None:
    gate = Gate()

    @task()
    def stubborn(ctx: SyncTaskContext) -> str:
        ctx.step.run("long", gate.pass_through)
        return "went on"

    host = start()
    run = stubborn.trigger()
    gate.reached()
    cancel_run(run)
    soon(lambda: "cancel.requested" in kinds(run))
    Run.objects.filter(id=run).update(owner=host.journal.clock.new_id())  # as if this process had died here
    gate.open()

    row = ended(run)
    assert row.status == "cancelled"
    assert kinds(run).count("cancel.requested") == 1


def test_cancelling_many_at_once(start: StartEngine) -> None:
    @task()
    async def mixed(ctx: TaskContext, n: int) -> Any:
        if n % 2:
            await ctx.step.sleep("long", "1h")
        return await ctx.step.wait_for_signal("never")

    start(PARKED_RUNS=5)
    runs = [mixed.trigger(n) for n in range(30)]
    for run in runs:
        cancel_run(run)
    for run in runs:
        assert ended(run).status == "cancelled"
    soon(lambda: leftovers() == {"inbox": 0, "wait": 0, "mail": 0})
