"""Functions that are expected to complete again and again: from when that counts, and what a pause does."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from orchestrator import TaskContext, task
from orchestrator.core.pausing import PauseKind
from orchestrator.engine.clock import system_clock
from orchestrator.engine.pauses import pause, resume
from orchestrator.models import Expectation, Run
from orchestrator.overdue import Expected, expected_functions
from orchestrator.sdk.registry import registry
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, ended, soon

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timedelta(hours=27)


def expected(slug: str = "report", *, later: timedelta = timedelta()) -> Expected:
    return expected_functions(1, system_clock.now() + later)[slug]


def declare(within: str | None = "26h", queue: str | None = None) -> Any:
    @task(id="report", retries=0, expected_within=within, queue=queue)
    async def report(ctx: TaskContext, fails: bool = False) -> None:
        assert not fails

    return report


def back_to(moment: datetime) -> None:
    """As if all that is known of it had happened then."""
    Expectation.objects.update(watched_from=moment)


def test_one_that_never_succeeded_counts_from_its_registration(start: StartEngine) -> None:
    declare()
    start()
    begun = Expectation.objects.get().watched_from
    assert expected().overdue_since is None
    assert expected(later=LATER).overdue_since == begun + timedelta(hours=26)
    start.drain()
    start()  # a restart is no success
    assert Expectation.objects.get().watched_from == begun


def test_a_success_gives_it_all_its_time_again_a_failure_does_not(start: StartEngine) -> None:
    report = declare()
    start()
    back_to(system_clock.now() - LATER)
    since = expected().overdue_since
    assert since is not None
    ended(report.trigger(fails=True))
    assert expected().overdue_since == since
    before = system_clock.now()
    completed(report.trigger())
    known = expected()
    assert known.overdue_since is None
    assert known.last_success_at is not None
    assert known.last_success_at >= before


def test_the_last_success_stays_known_when_its_run_is_deleted(start: StartEngine) -> None:
    """It is no look at the runs, which retention deletes and of which there may be a million."""
    report = declare()
    start()
    completed(report.trigger())
    known = expected().last_success_at
    start.drain()
    Run.objects.all().delete()
    start()
    assert known is not None
    assert expected().last_success_at == known


def test_another_time_is_counted_anew_and_none_is_not_watched(start: StartEngine) -> None:
    declare()
    start()
    back_to(system_clock.now() - LATER)
    start.drain()
    declare("1h")
    start()
    assert expected().overdue_since is None
    start.drain()
    declare(None)
    start()
    assert expected_functions(1, system_clock.now()) == {}


@pytest.mark.parametrize(
    "kind, name", [(PauseKind.FUNCTION, "report"), (PauseKind.QUEUE, "reports"), (PauseKind.ENVIRONMENT, "")]
)
def test_what_is_paused_is_not_overdue_and_has_all_its_time_after_it(
    start: StartEngine, kind: PauseKind, name: str
) -> None:
    declare(queue="reports")
    start(QUEUES=("default", "reports"))
    back_to(system_clock.now() - LATER)
    pause(kind, name)
    assert expected().overdue_since is None
    resume(kind, name)
    assert expected().overdue_since is None
    assert expected(later=LATER).overdue_since is not None


def test_a_pause_of_something_else_changes_nothing(start: StartEngine) -> None:
    declare()
    start()
    back_to(system_clock.now() - LATER)
    since = expected().overdue_since
    pause(PauseKind.QUEUE, "mail")
    assert expected().overdue_since == since
    resume(PauseKind.QUEUE, "mail")
    assert expected().overdue_since == since


def test_many_successes_are_written_once_a_second(start: StartEngine) -> None:
    report = declare()
    start()
    for run in [report.trigger() for _ in range(20)]:
        completed(run)
    known = expected().last_success_at
    assert known is not None
    assert system_clock.now() - known < timedelta(seconds=5)


def test_a_function_whose_code_is_gone_is_not_watched(start: StartEngine, functions: None) -> None:
    declare()
    start()
    start.drain()

    @task(id="other")
    async def other(ctx: TaskContext) -> None: ...

    registry.remove("report")
    start()
    soon(lambda: not Expectation.objects.exists())
