"""Which gates an event has before a function, and when a debounced run starts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.controls import Batch, Debounce, Idempotency, RateLimit, Singleton, Throttle
from orchestrator.core.errors import InvalidExpression
from orchestrator.core.flow import Flow
from orchestrator.core.gating import MOST_BATCH_BYTES, SECOND, Gates, debounced_until, fits, gates_of


def gates(*controls: Any, called: bool = False, **data: Any) -> Gates | None:
    return gates_of(1, "billing", Flow.of(controls), {"data": data}, called=called)


def test_a_function_without_gates_has_none() -> None:
    assert gates(Throttle(1, "1s")) is None


def test_each_gate_is_a_limit_of_the_function_and_the_value_of_its_key() -> None:
    found = gates(RateLimit(1, "1s"), Singleton(key="event.data.shop"), shop="acme")
    assert found is not None
    assert found.keys == ["1:rate_limit:billing|null", '1:singleton:billing|"acme"']


@pytest.mark.parametrize(
    "control",
    [
        RateLimit(1, "1s", key="event.data.on"),
        Debounce("1s", key="event.data.on"),
        Batch(2, "1s", key="event.data.on"),
        Singleton(key="event.data.on"),
        Idempotency("event.data.on"),
    ],
)
def test_a_key_that_is_false_opens_its_gate(control: Any) -> None:
    assert gates(control, on=False) is None
    assert gates(control, on=0) is not None
    assert gates(control) is not None


def test_an_event_that_fails_the_condition_of_a_batch_starts_a_run_of_its_own() -> None:
    batch = Batch(2, "1s", if_="event.data.size < 10")
    assert gates(batch, size=3) is not None
    assert gates(batch, size=30) is None


def test_calls_wait_in_no_batch_and_debounce_apart_from_events() -> None:
    assert gates(Batch(2, "1s"), called=True) is None
    by_event, by_call = gates(Debounce("1s")), gates(Debounce("1s"), called=True)
    assert by_event is not None
    assert by_call is not None
    assert by_event.debounce != by_call.debounce


def test_a_key_that_cannot_be_evaluated_is_an_error() -> None:
    with pytest.raises(InvalidExpression):
        gates(Singleton(key="1 / event.data.n"), n=0)


@given(st.lists(st.integers(0, 5 * SECOND), max_size=30))
def test_a_debounced_run_starts_a_period_after_the_last_event_and_within_its_longest_wait(gaps: list[int]) -> None:
    debounce = Debounce("2s", max_wait="7s")
    now, due = 0, debounced_until(debounce, 0, 0)
    for gap in gaps:
        now += gap
        if now >= due:
            break
        due = debounced_until(debounce, 0, now)
        assert due == min(now + 2 * SECOND, 7 * SECOND)
    assert due <= 7 * SECOND


def test_a_batch_holds_four_megabytes_of_payloads() -> None:
    assert fits(0, MOST_BATCH_BYTES)
    assert not fits(1, MOST_BATCH_BYTES)
