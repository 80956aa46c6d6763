"""Throttles on plain numbers."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.gcra import Rate, next_start, start, starts_allowed, under

SECOND = 1_000_000
RATES = st.builds(Rate, st.integers(1, 10 * SECOND), st.integers(1, 20))


def starts(rate: Rate, arrivals: list[int]) -> list[int]:
    """When each of those who came then started, who came first going first."""
    tat: int | None = None
    now, moments = 0, []
    for arrived in sorted(arrivals):
        now = max(now, arrived, next_start(rate, tat))
        tat = start(rate, under(rate, tat, now), now)
        moments.append(now)
    return moments


@given(RATES, st.lists(st.integers(0, 100 * SECOND), min_size=1, max_size=60))
def test_no_window_of_a_burst_and_some_periods_has_more_starts_than_it_may(rate: Rate, arrivals: list[int]) -> None:
    moments = starts(rate, arrivals)
    for first in range(len(moments)):
        for last in range(first + rate.burst, len(moments)):
            beyond_the_burst = last - first + 1 - rate.burst
            assert moments[last] - moments[first] >= beyond_the_burst * rate.interval


@given(RATES, st.lists(st.integers(0, 100 * SECOND), min_size=1, max_size=60))
def test_a_pace_that_nobody_changed_is_kept_as_it_is(rate: Rate, arrivals: list[int]) -> None:
    tat: int | None = None
    now = 0
    for arrived in sorted(arrivals):
        now = max(now, arrived, next_start(rate, tat))
        tat = start(rate, tat, now)
        assert under(rate, tat, now) == tat


def test_after_a_rest_a_burst_may_start_at_once() -> None:
    rate = Rate(SECOND, 3)
    assert starts(rate, [0, 0, 0, 0]) == [0, 0, 0, SECOND]
    assert starts_allowed(rate, None, 0) == 3
    assert starts_allowed(rate, start(rate, None, 0), 0) == 2


def test_a_rate_that_was_made_faster_does_not_wait_for_the_pace_of_the_slower_one() -> None:
    slow, fast = Rate(3600 * SECOND, 1), Rate(SECOND // 1000, 1)
    tat = start(slow, None, 0)
    assert next_start(slow, tat) == 3600 * SECOND
    assert next_start(fast, under(fast, tat, 0)) == SECOND // 1000


def test_who_never_started_may_start() -> None:
    assert under(Rate(SECOND, 1), None, 0) is None
