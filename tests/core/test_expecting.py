"""What should have completed by a time: the rule that schedules and functions share."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.errors import InvalidDuration, InvalidFunction
from orchestrator.core.expecting import expected_json, expected_of, overdue_after

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def test_it_is_overdue_from_the_moment_on_at_which_its_time_is_over() -> None:
    assert overdue_after(DAY, NOON, NOON + DAY - timedelta(seconds=1)) is None
    assert overdue_after(DAY, NOON, NOON + DAY) == NOON + DAY
    assert overdue_after(DAY, NOON, NOON + 3 * DAY) == NOON + DAY


def test_what_is_declared_is_read_back() -> None:
    assert expected_of(expected_json("26h")) == timedelta(hours=26)
    assert expected_json(None) == {}
    assert expected_of({}) is None


@pytest.mark.parametrize("given, error", [("1s", InvalidFunction), (0, InvalidFunction), ("soon", InvalidDuration)])
def test_what_can_not_be_expected_is_refused(given: str | int, error: type[Exception]) -> None:
    with pytest.raises(error):
        expected_json(given)
