"""At most so many starts in any period, whatever comes when."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.window import EXACT, Heap, add, room

PERIOD = 1_000_000
GAPS = st.lists(st.integers(0, PERIOD // 3), max_size=60)


def let_in(gaps: list[int], limit: int, period: int) -> list[int]:
    """Moments of those that were let in, of arrivals with these gaps."""
    starts: list[Heap] = []
    found, now = [], 10 * period
    for gap in gaps:
        now += gap
        if room(starts, limit, period, now):
            starts = add(starts, limit, period, now)
            found.append(now)
    return found


def most_in_a_period(moments: list[int], period: int) -> int:
    return max((sum(at - period < other <= at for other in moments) for at in moments), default=0)


@given(GAPS, st.integers(1, 8))
def test_no_period_holds_more_than_the_limit(gaps: list[int], limit: int) -> None:
    assert most_in_a_period(let_in(gaps, limit, PERIOD), PERIOD) <= limit


@given(GAPS, st.integers(1, 8))
def test_none_is_kept_out_while_there_is_room(gaps: list[int], limit: int) -> None:
    moments = let_in(gaps, limit, PERIOD)
    now = 10 * PERIOD
    for gap in gaps:
        now += gap
        before = [at for at in moments if now - PERIOD < at <= now]
        assert now in moments or len(before) == limit


@pytest.mark.parametrize("seed", range(3))
def test_large_limits_remember_little_and_keep_to_it(seed: int) -> None:
    dice, limit = random.Random(seed), EXACT + 44
    starts: list[Heap] = []
    moments, now = [], 10 * PERIOD
    for _ in range(900):
        now += dice.randrange(PERIOD // 200)
        if room(starts, limit, PERIOD, now):
            starts = add(starts, limit, PERIOD, now)
            moments.append(now)
    assert len(starts) <= EXACT + 1
    assert len(moments) > limit
    assert most_in_a_period(moments, PERIOD) <= limit


def test_a_place_comes_back_a_period_after_it_was_taken() -> None:
    starts = add(add([], 2, PERIOD, 5), 2, PERIOD, 7)
    assert [room(starts, 2, PERIOD, at) for at in (7, 4 + PERIOD, 5 + PERIOD, 7 + PERIOD)] == [0, 0, 1, 2]


def test_a_clock_that_went_back_lets_none_in_early() -> None:
    starts = add(add([], 2, PERIOD, 100), 2, PERIOD, 50)
    assert starts == [(100, 2)]
    assert room(starts, 2, PERIOD, 99 + PERIOD) == 0
