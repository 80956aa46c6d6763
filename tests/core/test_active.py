"""How long a run has executed: from its history, and while it runs."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.active import Budget, Fact, active_time

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def fact(kind: str, seconds: float, *, before: float = 0, stamp: float | None = None) -> Fact:
    return Fact(kind, at(seconds), at(before), stamp)


@pytest.mark.parametrize(
    "facts, seconds",
    [
        ([], 0),
        ([fact("run.queued", 0), fact("run.started", 5)], 0),  # it executes now: that is not counted here
        ([fact("run.started", 0), fact("run.sleeping", 7, stamp=6.5)], 6.5),  # half a second it waited in memory
        ([fact("run.started", 0), fact("run.sleeping", 7, stamp=6.5), fact("run.resumed", 90)], 6.5),
        # Its worker died after a fact at 9 s, which was found out at 24 s.
        ([fact("run.started", 0), fact("run.recovered", 24, before=9)], 9),
        (
            [
                fact("run.started", 0),
                fact("run.recovered", 24, before=9),
                fact("run.resumed", 30),
                fact("run.recovered", 50, before=33),
            ],
            12,
        ),
        # A stamp is the sum of all that came before.
        ([fact("run.started", 0), fact("run.recovered", 24, before=9), fact("run.waiting", 40, stamp=11)], 11),
        ([fact("run.queued", 0), fact("run.recovered", 5, before=4)], 0),  # it had not begun
    ],
)
def test_active_time_is_the_sum_of_the_executions_that_have_ended(facts: list[Fact], seconds: float) -> None:
    assert active_time(facts) == timedelta(seconds=seconds)


def test_a_budget_runs_down_while_the_run_does() -> None:
    budget = Budget(timedelta(seconds=60), at(0))
    budget.add(timedelta(seconds=10))
    assert budget.ends_at(at(5)) == at(50)
    budget.pause(at(20))
    assert budget.ends_at(at(25)) is None
    budget.resume(at(100))
    assert budget.used(at(101)) == timedelta(seconds=31)
    assert budget.ends_at(at(101)) == at(130)


def test_resuming_twice_counts_once() -> None:
    budget = Budget(timedelta(seconds=60), at(0))
    budget.resume(at(10))
    assert budget.used(at(20)) == timedelta(seconds=20)
