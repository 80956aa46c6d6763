"""Which bodies that execute now are told of before they end."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.ops import OpKind, StepStarted
from orchestrator.engine.bodies import SHOWN_AFTER, Bodies
from orchestrator.sdk.transport import StepRun

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    "op, ran_for, told",
    [
        (OpKind.RUN, SHOWN_AFTER, 1),
        (OpKind.RUN, SHOWN_AFTER - INSTANT, 0),  # short ones cost one row, at their end
        (OpKind.TRANSACTION, SHOWN_AFTER, 0),  # it commits its end itself: a beginning could come after it
    ],
)
def test_long_bodies_are_told_of_once(op: OpKind, ran_for: timedelta, told: int) -> None:
    bodies = Bodies()
    bodies.began(StepRun("step", op, 0, 1, NOW))
    starts: list[StepStarted] = []
    for _ in range(2):
        bodies.show(NOW + ran_for, starts.append, lambda: None)
    assert len(starts) == told
