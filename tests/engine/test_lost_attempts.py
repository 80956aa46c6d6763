"""An attempt whose worker died is no failure of its step: it uses up none of the step's retries."""

from datetime import timedelta

import pytest
from django.db import connection

from orchestrator import Retries, SyncTaskContext, TaskContext, task
from orchestrator.core.ops import Status
from orchestrator.models import Worker
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, ended, steps
from tests.engine.test_retries import failing
from tests.engine.writers import insert, new_run, now, sessions, step_done

pytestmark = pytest.mark.django_db(transaction=True)


def run_whose_worker_dies(times: int) -> str:
    """A run of the function ``f`` in whose step ``pay`` so many workers have died."""
    with sessions(1) as (dead,):
        [run] = insert(dead, [new_run(dead.id)])
        for number in range(1, times + 1):
            begun = step_done(run, 1, "pay", number=number)
            [row] = begun.rows
            begun.rows = [row._replace(status=Status.RUNNING, ended_at=None)]  # type: ignore[union-attr]
            dead.submit(begun)
        if connection.vendor == "postgresql":  # where several live, a dead one is known by its expiry
            Worker.objects.update(expires_at=now() - timedelta(seconds=1))
    return run


@pytest.mark.parametrize("is_async", [True, False])
def test_a_step_has_all_its_retries_after_its_workers_died(start: StartEngine, is_async: bool) -> None:
    pay = failing(2)
    once_more = Retries(3, initial="10ms", jitter=0)

    @task(id="f" if is_async else "other", retries=once_more)
    async def paying(ctx: TaskContext) -> int:
        return await ctx.step.run("pay", pay)

    @task(id="other" if is_async else "f", retries=once_more)
    def sync_paying(ctx: SyncTaskContext) -> int:
        return ctx.step.run("pay", pay)

    run = run_whose_worker_dies(2)
    start()

    assert completed(run) == 3
    assert steps(run)["pay"] == ["lost", "lost", "failed", "failed", "completed"]


def test_the_last_allowed_failure_is_the_last_though_attempts_were_lost_before(start: StartEngine) -> None:
    @task(id="f", retries=0)
    async def paying(ctx: TaskContext) -> int:
        return await ctx.step.run("pay", failing(9))

    run = run_whose_worker_dies(1)
    start()

    assert ended(run).status == "failed"
    assert steps(run)["pay"] == ["lost", "failed"]


def test_losses_are_remembered_over_a_backoff_in_the_database(start: StartEngine) -> None:
    @task(id="f", retries=Retries(2, initial="1100ms", jitter=0))
    def paying(ctx: SyncTaskContext) -> int:
        return ctx.step.run("pay", pay)

    pay = failing(1)
    run = run_whose_worker_dies(2)
    start()

    assert completed(run) == 2
    assert steps(run)["pay"] == ["lost", "lost", "failed", "completed"]
