"""Exactly what is older than it is kept goes, with all that hangs on it."""

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.core.retention import parse_retention
from orchestrator.engine.retention import Deleted, plan_of, plan_older_than
from orchestrator.engine.retention_count import count
from orchestrator.engine.retention_delete import tables_of_runs
from orchestrator.engine.sql import Connection
from orchestrator.models import Environment, Event, Idempotency, Inbox, Log, Progress, Run, Sample
from tests.console.factories import NOW, fresh_id, make_function
from tests.retention.conftest import MONTH, Walk
from tests.retention.rows import OLD, YOUNG, child_of, make_old_event, make_run, rows_of, runs

pytestmark = pytest.mark.django_db(transaction=True)


def policy(db: Connection, value: Any) -> Any:
    return plan_of(db, parse_retention(value), NOW)


def test_old_runs_go_with_every_row_of_theirs_and_young_ones_keep_theirs(db: Connection, walk: Walk) -> None:
    old, young = make_run(OLD, lines=3), make_run(YOUNG, lines=3)
    for run in (old, young):
        Sample.objects.create(run=run.id, second=1, cpu_percent=1.0, memory_bytes=1)
        Progress.objects.create(run=run.id, fraction=0.5, at=NOW)
        Inbox.objects.create(run=run.id, dedup="step:x", kind="signal", at=NOW)
    kept = rows_of(young.id)

    assert walk(policy(db, "30 days")) == Deleted(runs=1)

    assert runs() == {young.id}
    assert rows_of(old.id) == {}
    assert rows_of(young.id) == kept


def test_every_table_of_runs_is_known_and_finds_its_rows_by_an_index() -> None:
    assert {"signalbox_attempt", "signalbox_journal", "signalbox_log", "signalbox_sample"} <= set(tables_of_runs())
    assert "signalbox_run" not in tables_of_runs()


@pytest.mark.parametrize("status", ["queued", "running", "sleeping", "waiting", "blocked", "retrying"])
def test_a_run_that_has_not_ended_stays_however_old_it_is(db: Connection, walk: Walk, status: str) -> None:
    event = make_old_event()
    run = make_run(status=status, event=event)
    assert walk(policy(db, "1 day")) == Deleted()
    assert runs() == {run.id}
    assert Event.objects.count() == 1  # it goes on with its event


def test_the_age_of_a_run_is_that_of_its_end(db: Connection, walk: Walk) -> None:
    run = make_run()
    Run.objects.filter(id=run.id).update(ended_at=NOW - YOUNG)
    assert walk(policy(db, "30 days")) == Deleted()


def test_nothing_goes_by_default(db: Connection, walk: Walk) -> None:
    make_run(event=make_old_event(), lines=1)
    assert not policy(db, None)
    assert walk(policy(db, None)) == Deleted()


def test_children_go_with_their_root_and_not_before(db: Connection, walk: Walk) -> None:
    young_root, old_root = make_run(YOUNG), make_run(OLD)
    child_of(young_root, OLD)
    below = child_of(child_of(old_root), YOUNG)
    assert below.root == old_root.id

    assert walk(policy(db, "30 days")).runs == 3

    assert Run.objects.filter(root=young_root.id).count() == 2
    assert not Run.objects.filter(root=old_root.id).exists()


def test_a_root_waits_for_its_children_to_end(db: Connection, walk: Walk) -> None:
    root = make_run()
    child = child_of(root, status="running")
    assert walk(policy(db, "30 days")) == Deleted()
    Run.objects.filter(id=child.id).update(status="completed", ended_at=NOW)
    assert walk(policy(db, "30 days")).runs == 2


def test_a_function_may_keep_its_runs_longer_or_shorter(db: Connection, walk: Walk) -> None:
    make_function("audit", config={"retention": None})
    make_function("chatter", config={"retention": 86_400.0})
    audited, ordinary, chat = make_run(function="audit"), make_run(), make_run(YOUNG, function="chatter")

    assert walk(policy(db, None)).runs == 1
    assert runs() == {audited.id, ordinary.id}
    assert chat.id not in runs()
    assert walk(policy(db, "30 days")).runs == 1
    assert runs() == {audited.id}


def test_each_environment_has_its_own_length(db: Connection, walk: Walk) -> None:
    Environment.objects.create(id=2, name="staging")
    make_function("process-order", env=2)
    production, staging = make_run(YOUNG), make_run(YOUNG, env=2)
    assert walk(policy(db, {"runs": "30 days", "environments": {"staging": "1 day"}})).runs == 1
    assert runs() == {production.id}
    assert staging.id not in runs()


def test_an_event_goes_after_the_last_run_that_it_started(db: Connection, walk: Walk) -> None:
    shared, alone = make_old_event(), make_old_event()
    make_old_event(YOUNG)
    make_old_event(routed_at=None)
    make_run(event=shared)
    young = make_run(YOUNG, event=shared)

    retention = parse_retention({"runs": "30 days", "events": "40 days"})
    assert walk(plan_of(db, retention, NOW)) == Deleted(runs=1, events=1)
    assert not Event.objects.filter(id=alone.id).exists()
    assert rows_of(young.id)["RunEvent"] == 1
    assert walk(plan_of(db, retention, NOW + MONTH)) == Deleted(runs=1, events=1)
    assert Event.objects.count() == 2  # one is young, one still waits for its runs


def test_log_lines_may_go_before_their_runs(db: Connection, walk: Walk) -> None:
    run, young = make_run(lines=7), make_run(YOUNG, lines=2)
    Log.objects.create(run=fresh_id(NOW - OLD), at=NOW - OLD, level="INFO", message="of a run that is gone")
    assert walk(policy(db, {"logs": "7 days"})) == Deleted(lines=8)
    assert runs() == {run.id, young.id}
    assert Log.objects.count() == 2


def test_keys_have_a_life_of_their_own(db: Connection, walk: Walk) -> None:
    run = make_run()
    Idempotency.objects.create(env=1, scope="task", key="k", ref=run.id, expires_at=NOW + MONTH)
    assert walk(policy(db, "30 days")).runs == 1
    assert Idempotency.objects.count() == 1


def test_what_would_go_is_counted_as_it_goes(db: Connection, walk: Walk) -> None:
    make_function("audit", config={"retention": None})
    event = make_old_event()
    child_of(make_run(event=event, lines=2))
    make_run(function="audit", event=make_old_event(), lines=3)
    make_run(YOUNG, event=make_old_event(), lines=1)
    make_old_event()
    plan = policy(db, {"runs": "30 days", "logs": "7 days"})

    expected = Deleted(runs=2, events=2, lines=3)
    assert count(db, plan) == expected
    assert Run.objects.count() == 4
    assert walk(plan) == expected


def test_one_function_can_be_pruned_by_hand(db: Connection, walk: Walk) -> None:
    make_function("chatter")
    ours, other = make_run(function="chatter"), make_run()
    make_old_event()
    plan = plan_older_than(db, timedelta(days=1), NOW, env=1, function="chatter")
    assert walk(plan) == Deleted(runs=1)
    assert runs() == {other.id}
    assert rows_of(ours.id) == {}
