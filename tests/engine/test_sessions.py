"""Workers that die, or are taken for dead: their runs go on elsewhere, once; a returning one drops everything."""

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from orchestrator import SyncTaskContext, TaskContext, task
from orchestrator.core.errors import LeaseLost, SessionLost
from orchestrator.core.ops import Status
from orchestrator.engine import host as host_module
from orchestrator.engine.facts import Claimed
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.resuming import resume
from orchestrator.engine.session import leave, recover, tidy
from orchestrator.engine.signals import send_signal
from orchestrator.models import Idempotency, Inbox, Mail, Run, Worker
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import assert_dense, attempts, completed, kinds, logs, run_row, soon, steps, until
from tests.engine.writers import all_at_once, insert, new_run, now, sessions, step_done

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def eager_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "SWEEP_SECONDS", 0.1)


def claim_all(tx: Tx) -> list[Claimed]:
    return resume(tx, tx.db.claim("status = 'queued'", [], tx.owner, tx.now, 100), {})


def test_the_runs_of_a_dead_session_are_queued_again_and_their_attempts_lost(transactional_db: None) -> None:
    with sessions(2) as (dead, alive):
        runs = insert(dead, [new_run(dead.id) for _ in range(3)])
        kept = insert(alive, [new_run(alive.id)])
        started = step_done(runs[0], 1, "long")
        started.rows = [started.rows[0]._replace(status=Status.RUNNING, ended_at=None)]  # type: ignore[union-attr]
        dead.submit(started)
        Worker.objects.filter(id=dead.id).update(expires_at=now() - timedelta(seconds=1))

        assert alive.do(recover) == 3
        for run in runs:
            row = run_row(run)
            assert (row.status, row.owner, row.fence, row.lost) == ("queued", None, 2, 1)
            assert kinds(run)[-1] == "run.recovered"
            assert_dense(run)
        assert steps(runs[0]) == {"long": ["lost"]}
        assert run_row(kept[0]).owner == alive.id
        with pytest.raises(LeaseLost):
            dead.submit(step_done(runs[0], 1, "late"))


def test_a_session_that_is_late_to_renew_does_not_bury_itself(transactional_db: None) -> None:
    with sessions(1) as [late]:
        [run] = insert(late, [new_run(late.id)])
        Worker.objects.filter(id=late.id).update(expires_at=now() - timedelta(seconds=1))
        assert late.do(recover) == 0
        assert run_row(run).owner == late.id


def test_two_reapers_requeue_a_run_once(transactional_db: None) -> None:
    with sessions(4) as (dead, *reapers):
        runs = insert(dead, [new_run(dead.id) for _ in range(20)])
        Worker.objects.filter(id=dead.id).update(expires_at=now() - timedelta(seconds=1))
        found: list[int] = []
        all_at_once(*(lambda r=reaper: found.append(r.do(recover)) for reaper in reapers))
        assert sorted(found) == [0, 0, 20]
        for run in runs:
            assert kinds(run) == ["run.queued", "run.recovered"]


def test_runs_of_a_session_that_has_no_row_are_found(transactional_db: None) -> None:
    with sessions(2) as (gone, alive):
        [run] = insert(gone, [new_run(gone.id)])
        Worker.objects.filter(id=gone.id).delete()
        assert alive.do(recover) == 1
        assert (run_row(run).status, run_row(run).fence) == ("queued", 2)


def test_a_session_that_leaves_gives_away_what_it_still_holds(transactional_db: None) -> None:
    with sessions(2) as (leaving, staying):
        [run] = insert(leaving, [new_run(leaving.id)])
        leaving.do(lambda tx: leave(tx, tx.owner))
        [claimed] = staying.do(claim_all)
        assert (claimed.facts.id, claimed.facts.fence) == (run, 3)
        assert not Worker.objects.filter(id=leaving.id).exists()


def test_what_ended_runs_left_is_tidied_away(transactional_db: None) -> None:
    with sessions(1) as (session,):
        over, open_ = insert(session, [new_run(None, Status.COMPLETED), new_run(None, Status.WAITING)])
        Run.objects.filter(id=over).update(ended_at=now())
        for run in (over, open_):
            Inbox.objects.create(run=run, dedup="x", kind="refused", at=now())
            Mail.objects.create(run=run, name="n", n=1)
        for key, seconds in (("old", -1), ("new", 60)):
            Idempotency.objects.create(
                env=1, scope="s", key=key, ref=open_, expires_at=now() + timedelta(seconds=seconds)
            )
        session.do(tidy)
    assert list(Inbox.objects.values_list("run", flat=True)) == [open_]
    assert list(Mail.objects.values_list("run", flat=True)) == [open_]
    assert list(Idempotency.objects.values_list("key", flat=True)) == ["new"]


@pytest.mark.parametrize("is_async", [True, False])
def test_a_worker_taken_for_dead_drops_everything_and_its_runs_complete_once(
    start: StartEngine, is_async: bool
) -> None:
    gate = Gate()
    done: list[str] = []

    @task(id="running")
    async def async_running(ctx: TaskContext) -> str:
        await ctx.step.run("before", lambda: done.append("before"))
        await ctx.step.run("long", gate.apass_through)
        return "done"

    @task(id="sync-running")
    def sync_running(ctx: SyncTaskContext) -> str:
        ctx.step.run("before", lambda: done.append("before"))
        ctx.step.run("long", gate.pass_through)
        return "done"

    @task()
    async def resting(ctx: TaskContext) -> Any:
        return await ctx.step.wait_for_signal("go")

    host = start(LEASE_SECONDS=1)
    session = host.journal.owner
    run = (async_running if is_async else sync_running).trigger()
    parked = resting.trigger()
    until(parked, "waiting")
    gate.reached()
    soon(lambda: steps(run).get("long") == ["running"])
    Worker.objects.all().delete()
    soon(lambda: run_row(run).fence > 1)
    gate.open()

    assert completed(run) == "done"
    send_signal(parked, "go", "gone")
    assert completed(parked) == "gone"
    soon(lambda: host.journal.owner != session)
    soon(lambda: [worker.id for worker in Worker.objects.all()] == [host.journal.owner])
    assert done == ["before"]
    assert steps(run)["long"] == ["lost", "completed"]
    assert "run.recovered" in kinds(run)
    assert len({attempt.fence for attempt in attempts(run)}) == 2


def test_events_sent_while_the_session_is_lost_start_their_runs(start: StartEngine) -> None:
    @task()
    async def brief(ctx: TaskContext, n: int) -> int:
        return n

    host = start(LEASE_SECONDS=1)
    session = host.journal.owner
    Worker.objects.all().delete()
    runs = []
    while host.journal.owner == session:
        with suppress(SessionLost):  # told that it was not stored
            runs.append((brief.trigger(len(runs)), len(runs)))
    for run, expected in runs:
        assert completed(run) == expected


def test_a_run_that_is_about_to_begin_when_the_drain_begins_does_not_begin_twice(start: StartEngine) -> None:
    began: list[str] = []
    writer, body = Gate(), Gate()

    @task()
    async def brief(ctx: TaskContext) -> None:
        began.append(ctx.run_id)
        await ctx.step.run("only", body.apass_through)

    host = start()
    host._keeper.stop(10)
    host.journal.submit(Call(lambda tx: writer.pass_through()))
    writer.reached()
    with ThreadPoolExecutor() as threads:
        triggered = threads.submit(brief.trigger)
        soon(lambda: host.dispatcher.load.reserved == 1)
        drained = threads.submit(start.drain)
        assert not wait([drained], timeout=0.3).done, "the drain did not wait for the run"
        writer.open()
        body.reached()
        body.open()
        run = triggered.result(10)
        drained.result(10)
    assert steps(run) == {"only": ["completed"]}
    start()
    completed(run)
    assert began == [run, run]  # again from the top, over a settled step


def test_what_is_said_after_a_session_has_left_does_not_make_it_join_again(start: StartEngine) -> None:
    host = start()
    host._keeper.stop(10)
    host._membership.leave()
    host.journal.submit(Call(lambda tx: None)).result(10)
    assert not Worker.objects.exists()


def test_a_drained_engine_leaves_nothing_held(start: StartEngine) -> None:
    gate = Gate()

    @task()
    async def stuck(ctx: TaskContext) -> str:
        await ctx.step.run("long", gate.apass_through)
        return "done"

    @task()
    async def quick(ctx: TaskContext) -> None:
        for n in range(3):
            await ctx.step.run("n", lambda n=n: ctx.logger.info("line %s", n))

    start()
    run = stuck.trigger()
    gate.reached()
    soon(lambda: steps(run).get("long") == ["running"])
    quick_runs = [quick.trigger() for _ in range(20)]
    start.drain(timeout_seconds=0.1)

    assert not Run.objects.filter(owner__isnull=False).exists()
    assert not Worker.objects.exists()
    assert steps(run)["long"] == ["lost"]
    assert list(Inbox.objects.values("kind", "dedup", "data")) == []
    gate.open()
    start()
    assert completed(run) == "done"
    for quick_run in quick_runs:
        completed(quick_run)
        lines = [message for _, _, message in logs(quick_run)]
        assert list(dict.fromkeys(lines)) == ["line 0", "line 1", "line 2"], "a body that was lost has said so before"
