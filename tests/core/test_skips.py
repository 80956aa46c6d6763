"""The what-if replay of a rate limit."""

from collections import Counter, deque

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.skips import Arrival, skipped

SECOND = 1_000_000


def test_even_arrivals_are_skipped_by_the_share_that_is_too_much() -> None:
    """Ten a second against four a second: six of ten, for as long as it goes on."""
    arrivals = [Arrival(n * SECOND // 10) for n in range(1_000)]
    over = skipped(arrivals, limit=4, period=SECOND)
    assert len(over) == 600
    assert over[0].at == SECOND * 4 // 10


def test_what_comes_slower_than_the_limit_is_never_skipped() -> None:
    arrivals = [Arrival(n * SECOND // 4) for n in range(100)]
    assert skipped(arrivals, limit=4, period=SECOND) == []


def test_each_key_has_a_window_of_its_own() -> None:
    arrivals = [Arrival(n, key) for n in range(5) for key in "ab"] + [Arrival(5, "c")]
    assert Counter(one.key for one in skipped(arrivals, limit=2, period=SECOND)) == {"a": 3, "b": 3}


def test_a_longer_period_skips_what_a_shorter_one_lets_by() -> None:
    arrivals = [Arrival(n * SECOND) for n in range(60)]
    assert len(skipped(arrivals, limit=10, period=10 * SECOND)) == 0
    assert len(skipped(arrivals, limit=10, period=60 * SECOND)) == 50


@given(st.lists(st.integers(0, 20), max_size=80), st.integers(1, 5), st.integers(1, 10))
def test_it_skips_as_a_plain_count_of_the_last_period_would(gaps: list[int], limit: int, period: int) -> None:
    moments = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    started: deque[int] = deque()
    expected = []
    for at in moments:
        while started and started[0] <= at - period:
            started.popleft()
        if len(started) < limit:
            started.append(at)
        else:
            expected.append(at)
    assert [one.at for one in skipped([Arrival(at) for at in moments], limit, period)] == expected
