"""A walk that is cut short, goes on beside others, meets large values and large runs, and never holds the lock long."""

import tracemalloc
from datetime import timedelta
from functools import partial

import pytest

from orchestrator import TaskContext, task
from orchestrator.core.retention import parse_retention
from orchestrator.engine import retention_delete
from orchestrator.engine.clock import system_clock
from orchestrator.engine.replay import replay_run
from orchestrator.engine.retention import Pace, Plan, plan_of
from orchestrator.engine.retention_delete import delete_runs
from orchestrator.engine.retention_duty import RetentionDuty
from orchestrator.engine.sql import Connection, Id, open_connection
from orchestrator.models import Attempt, Blob, Journal, Log, Run, RunData
from tests.console.factories import NOW, fresh_id
from tests.engine.conftest import StartEngine, functions, start  # noqa: F401, fixtures
from tests.engine.reading import completed
from tests.eventually import eventually
from tests.retention.conftest import Walk
from tests.retention.rows import OLD, YOUNG, child_of, give_blob, make_run, rows_of, runs

pytestmark = pytest.mark.django_db(transaction=True)


def month(db: Connection, days: int = 0) -> Plan:
    """What a walk does so many days from now."""
    return plan_of(db, parse_retention("30 days"), NOW + timedelta(days=days))


@pytest.mark.parametrize("steps", range(1, 12))
def test_a_walk_that_is_cut_short_anywhere_is_finished_by_the_next(db: Connection, walk: Walk, steps: int) -> None:
    young = make_run(YOUNG)
    for _ in range(3):
        child_of(child_of(make_run(lines=2)))
    pace = Pace()
    pace.rows = 5  # a run at a time
    walk(month(db), steps=steps, pace=pace)
    assert young.id in runs()
    walk(month(db))
    assert runs() == {young.id}
    assert Attempt.objects.exclude(run=young.id).count() == Log.objects.count() == 0


def test_a_transaction_that_fails_leaves_its_runs_whole(
    db: Connection, walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(lines=2)
    before = rows_of(run.id)
    with monkeypatch.context() as patch:
        tables = (*retention_delete.tables_of_runs(), "signalbox_nowhere")
        patch.setattr(retention_delete, "tables_of_runs", lambda: tables)
        with pytest.raises(db.errors):
            walk(month(db))
    db.reconnect()
    assert rows_of(run.id) == before
    assert walk(month(db)).runs == 1


def test_a_blob_goes_with_the_last_run_that_refers_to_it(db: Connection, walk: Walk) -> None:
    ages = [timedelta(days=days) for days in (60, 20, 10)]
    made = [make_run(age) for age in ages]
    blob = give_blob(*made)
    alone = give_blob(make_run())

    for days, left in ((0, 2), (15, 1)):
        assert walk(month(db, days)).runs == (2 if days == 0 else 1)
        assert Blob.objects.get().id == blob.id != alone.id
        assert Blob.objects.get().run in {run.id for run in made[-left:]}
    assert walk(month(db, 25)).runs == 1
    assert not Blob.objects.exists()


def test_a_parents_step_and_its_childs_value_go_together(db: Connection, walk: Walk) -> None:
    root = make_run()
    child = child_of(root)
    give_blob(child, root)
    assert walk(month(db)).runs == 2
    assert not Blob.objects.exists()


def test_a_replay_goes_on_with_values_of_a_run_that_is_gone(start: StartEngine) -> None:  # noqa: F811
    @task(id="wide")
    async def wide(ctx: TaskContext) -> int:
        text = await ctx.step.run("wide", lambda: "x" * 100_000)
        return await ctx.step.run("narrow", lambda: len(text))

    start()
    old = wide.trigger()
    assert completed(old) == 100_000
    again = replay_run(old, from_step="narrow")
    assert completed(again) == 100_000
    db = open_connection("default", checkpoints=False)
    assert delete_runs(db, [old]) == [old]
    third = replay_run(again, from_step="narrow")
    assert completed(third) == 100_000
    assert delete_runs(db, [again, third]) in ([again, third], [third, again])
    db.close()
    assert not Blob.objects.exists()


def test_new_runs_begin_and_end_while_old_ones_go(start: StartEngine) -> None:  # noqa: F811
    @task(id="quick")
    async def quick(ctx: TaskContext) -> int:
        return await ctx.step.run("one", lambda: 1)

    start(RETENTION="30 days")
    for _ in range(30):
        make_run(function="quick")
    connect = partial(open_connection, "default", checkpoints=False)
    duty = RetentionDuty(connect, parse_retention("30 days"), system_clock, first_seconds=0)
    duty.start()
    new = [quick.trigger() for _ in range(20)]
    assert [completed(run) for run in new] == [1] * 20
    eventually(lambda: runs() == set(new))
    duty.stop(5)


@pytest.mark.postgres
def test_a_run_that_somebody_replays_now_is_passed_over(db: Connection, walk: Walk) -> None:
    run, other = make_run(), make_run()
    replaying = open_connection("default")
    replaying.begin()
    replaying.query("SELECT 1 FROM signalbox_run WHERE id = ? FOR KEY SHARE", [Id(run.id)])
    assert walk(month(db)).runs == 1
    assert runs() == {run.id}
    assert other.id not in runs()
    replaying.rollback()
    replaying.close()
    assert walk(month(db)).runs == 1


def test_the_pace_slows_down_when_deleting_takes_long_and_recovers() -> None:
    pace = Pace(target_seconds=0.02)
    pace.learn(pace.rows, 0.2)
    slow = pace.rows
    assert slow < 500
    for _ in range(3):
        pace.learn(pace.rows, 0.001)
    assert slow * 3 < pace.rows < slow * 4


def test_memory_does_not_grow_with_what_there_is_to_delete(db: Connection, walk: Walk) -> None:
    """Of 20,000 rows."""
    at = NOW - OLD
    runs_made = 5_000
    made = [fresh_id(at) for _ in range(runs_made)]
    common = {"env": 1, "function": "process-order", "trigger": "call", "status": "completed", "seq": 2}
    moments = {"queued_at": at, "started_at": at, "ended_at": at}
    Run.objects.bulk_create((Run(id=id, root=id, **common, **moments) for id in made), batch_size=1_000)
    RunData.objects.bulk_create((RunData(run=id) for id in made), batch_size=1_000)
    entries = (Journal(run=id, seq=seq, kind="run.queued", at=at) for id in made for seq in (1, 2))
    Journal.objects.bulk_create(entries, batch_size=1_000)
    del made
    plan = month(db)
    walk(plan, steps=3)
    tracemalloc.start()
    try:
        assert walk(plan).runs > runs_made / 2
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not Run.objects.exists()
    assert peak < 700_000
