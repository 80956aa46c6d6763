"""Failed attempts are tried again after growing delays, until the policy or the error says no."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import InvalidDuration, InvalidInput
from orchestrator.core.ops import ErrorInfo
from orchestrator.core.retry import GiveUp, Retries, Retry, decide, delay_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN = 0.5  # the entropy in the middle of the jitter
FAILURE = ErrorInfo("ValueError", "no")
policies = st.builds(
    Retries,
    st.integers(1, 1000),
    initial=st.timedeltas(timedelta(), timedelta(days=1)),
    factor=st.floats(1, 100),
    max_interval=st.timedeltas(timedelta(), timedelta(days=30)),
    jitter=st.floats(0, 1),
)
entropies = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    "attempt, seconds",
    [
        (1, 10),  # after the first: 10 s
        (2, 20),  # doubled
        (3, 40),
        (4, None),  # the fourth was the last
        (5, None),
    ],
)
def test_the_usual_policy_waits_ten_seconds_and_doubles(attempt: int, seconds: int | None) -> None:
    delay = delay_after(Retries(), attempt, PLAIN)
    assert delay == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "entropy, seconds",
    [
        (0.0, 8),  # 20 % less at most
        (0.5, 10),
        (0.75, 11),
    ],
)
def test_jitter_spreads_the_delay_both_ways(entropy: float, seconds: int) -> None:
    assert delay_after(Retries(), 1, entropy) == timedelta(seconds=seconds)


def test_delays_stop_growing_at_the_longest_interval() -> None:
    policy = Retries(1000, initial="1s", factor=100, max_interval="5m", jitter=0)
    assert delay_after(policy, 2, PLAIN) == timedelta(seconds=100)
    assert delay_after(policy, 3, PLAIN) == timedelta(minutes=5)
    assert delay_after(policy, 999, PLAIN) == timedelta(minutes=5)  # 100 ** 998 does not fit a float


def test_no_delay_stays_none_however_it_grows() -> None:
    assert delay_after(Retries(1000, initial=0, factor=100), 999, PLAIN) == timedelta()


@given(policies, st.integers(1, 1000), entropies)
def test_a_delay_is_never_negative_and_never_far_over_the_longest(p: Retries, attempt: int, entropy: float) -> None:
    delay = delay_after(p, attempt, entropy)
    if delay is None:
        assert attempt >= p.max_attempts
    else:
        assert timedelta() <= delay <= p.max_interval * (1 + p.jitter) + timedelta(microseconds=1)


@pytest.mark.parametrize(
    "value, policy",
    [
        (None, Retries()),
        (0, Retries(1)),  # no retries: one attempt
        (3, Retries(4)),  # three retries are four attempts
        (Retries(7), Retries(7)),
    ],
)
def test_a_policy_can_be_given_as_a_number_of_retries(value: Any, policy: Retries) -> None:
    assert Retries.of(value) == policy


def test_durations_may_be_written_as_text() -> None:
    policy = Retries(2, initial="1m", max_interval="2 hours")
    assert (policy.initial, policy.max_interval) == (timedelta(minutes=1), timedelta(hours=2))


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"max_attempts": 0}, "never retry"),
        ({"max_attempts": 1001}, "to 1000"),
        ({"factor": 0.5}, "always the same delay"),
        ({"factor": math.nan}, "factor is nan"),
        ({"jitter": 1.1}, "0 to 1"),
        ({"jitter": -0.1}, "0 to 1"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        Retries(**wrong)


def test_a_policy_with_a_wrong_duration_is_refused() -> None:
    with pytest.raises(InvalidDuration, match="soon"):
        Retries(initial="soon")


def test_a_failure_is_tried_again_after_the_delay() -> None:
    assert decide(Retries(), 1, FAILURE, NOW, PLAIN) == Retry(NOW + timedelta(seconds=10), timedelta(seconds=10))


def test_the_last_failure_is_given_up() -> None:
    assert decide(Retries(), 4, FAILURE, NOW, PLAIN) == GiveUp("attempt 4 of 4 was the last")


def test_an_error_that_is_not_retriable_is_given_up_at_once() -> None:
    error = ErrorInfo("CardDeclined", "no", retriable=False, retry_after_seconds=5)
    assert decide(Retries(), 1, error, NOW, PLAIN) == GiveUp("CardDeclined is not retriable")


@pytest.mark.parametrize(
    "asked, seconds",
    [
        (90.0, 90),  # instead of the policy's 10 s
        (0.0, 0),  # at once
        (-5.0, 0),
        (math.nan, 0),
        (1e300, 366 * 86_400),  # a year at most
        (math.inf, 366 * 86_400),
    ],
)
def test_the_delay_an_author_asked_for_replaces_the_policys(asked: float, seconds: int) -> None:
    error = ErrorInfo("RateLimited", "later", retry_after_seconds=asked)
    assert decide(Retries(), 1, error, NOW, PLAIN) == Retry(
        NOW + timedelta(seconds=seconds), timedelta(seconds=seconds)
    )


def test_asking_for_a_delay_does_not_give_more_attempts() -> None:
    error = ErrorInfo("RateLimited", "later", retry_after_seconds=1)
    assert isinstance(decide(Retries(), 4, error, NOW, PLAIN), GiveUp)
