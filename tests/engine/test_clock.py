"""Ids grow, whatever the clock does within a second."""

import os
from datetime import UTC, datetime, timedelta

from orchestrator.core.ids import timestamp
from orchestrator.engine.clock import IdSource, VirtualClock

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_ids_of_one_moment_are_in_the_order_in_which_they_were_made() -> None:
    clock = VirtualClock(NOON)
    made = [clock.new_id() for _ in range(100)]
    assert made == sorted(set(made))


def test_a_clock_that_is_set_back_a_little_does_not_turn_the_order_round() -> None:
    ids = IdSource(os.urandom)
    first, second = ids.next(NOON), ids.next(NOON - timedelta(milliseconds=900))
    assert first < second


def test_a_clock_that_is_set_back_for_good_is_believed() -> None:
    ids = IdSource(os.urandom)
    ids.next(NOON)
    assert timestamp(ids.next(NOON - timedelta(hours=1))) == NOON - timedelta(hours=1)
