"""A run with more rows than a transaction may delete goes piece by piece."""

from itertools import pairwise

import pytest

from orchestrator.core.errors import RunNotFound
from orchestrator.core.retention import parse_retention
from orchestrator.engine.replay import replay_run
from orchestrator.engine.retention import Pace, Plan, plan_of
from orchestrator.engine.sql import Connection
from orchestrator.models import Attempt, Blob, Journal, Log, Run
from tests.console.factories import NOW, fresh_id
from tests.engine.conftest import StartEngine, functions, start  # noqa: F401, fixtures
from tests.retention.conftest import Walk
from tests.retention.rows import YOUNG, make_run, rows_of

pytestmark = pytest.mark.django_db(transaction=True)


def month(db: Connection) -> Plan:
    return plan_of(db, parse_retention("30 days"), NOW)


@pytest.fixture
def large(db: Connection) -> Run:
    """A run of a thousand steps, of which a hundred have a large value, with a line of log every other step."""
    run, steps = make_run(), range(10, 1_010)
    Run.objects.filter(id=run.id).update(seq=1_010)
    Journal.objects.bulk_create(Journal(run=run.id, seq=n, kind="step.completed", key=str(n), at=NOW) for n in steps)
    Log.objects.bulk_create(Log(run=run.id, at=NOW, level="INFO", message="line") for _ in steps[::2])
    blobs = [Blob(id=fresh_id(), run=run.id, size=20_000, sha256="0" * 64, body="0") for _ in steps[::10]]
    Blob.objects.bulk_create(blobs)
    made = dict(zip(steps[::10], blobs, strict=True))
    Attempt.objects.bulk_create(
        Attempt(
            run=run.id,
            key=str(n),
            number=1,
            op="run",
            ordinal=n,
            status="completed",
            queued_at=NOW,
            blob=made[n].id if n in made else None,
        )
        for n in steps
    )
    return run


def slow(rows: int) -> Pace:
    """A pace that never grows: whatever a transaction takes is too long."""
    pace = Pace(target_seconds=0.0)
    pace.rows = rows
    return pace


def test_a_large_run_goes_in_many_small_transactions_and_any_walk_goes_on_with_it(
    db: Connection, walk: Walk, large: Run
) -> None:
    left = [sum(rows_of(large.id).values())]
    while Run.objects.exists():
        walk(month(db), steps=3, pace=slow(100))  # a window, its beginning, a piece
        left.append(sum(rows_of(large.id).values()))
        assert len(left) < 50
    assert max(before - after for before, after in pairwise(left)) < 2 * 4 * 100
    assert len(left) > 9
    assert left[-1] == Blob.objects.count() == 0


def test_a_large_run_that_is_half_deleted_is_not_replayed(
    db: Connection,
    walk: Walk,
    large: Run,
    start: StartEngine,  # noqa: F811
) -> None:
    start()
    walk(month(db), steps=3, pace=slow(100))
    assert Attempt.objects.filter(run=large.id).exists()
    with pytest.raises(RunNotFound, match="is being deleted"):
        replay_run(large.id)
    assert walk(month(db)).runs == 1


def test_large_values_of_a_large_run_are_left_to_those_who_refer_to_them(
    db: Connection, walk: Walk, large: Run
) -> None:
    young = make_run(YOUNG)
    kept = Attempt.objects.filter(run=large.id).exclude(blob=None).order_by("ordinal")[50].blob
    Attempt.objects.filter(run=young.id, key="load").update(blob=kept)
    assert walk(month(db), pace=slow(100)).runs == 1
    assert Blob.objects.values_list("id", "run").get() == (kept, young.id)
