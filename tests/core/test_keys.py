"""Keys of flow control: expressions, functions of the author's code, and what the catalog keeps of both."""

from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.core.controls import Batch, Concurrency, Fairness, Idempotency, Priority, Singleton
from orchestrator.core.errors import InvalidExpression, InvalidFunction
from orchestrator.core.flow import Flow
from orchestrator.core.keys import CodeKey, checked_key, key_value
from orchestrator.core.limiting import head_start, run_limits
from orchestrator.core.turns import share_of

HERE = "tests.core.test_keys"
EVENT = {"name": "order/placed", "data": {"tenant": "acme", "plan": "paid", "class": "high", "size": 3}}


def tenant_of(event: Mapping[str, Any]) -> str:
    return str(event["data"]["tenant"])


def weight_of(event: Mapping[str, Any]) -> int:
    return 4 if event["data"]["plan"] == "paid" else 1


def broken(event: Mapping[str, Any]) -> str:
    return str(event["data"]["nobody"])


@pytest.fixture(autouse=True)
def known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite imports tests by path; an author's module is found by its name."""
    for function in (tenant_of, weight_of, broken):
        monkeypatch.setattr(function, "__module__", HERE)


def test_a_function_gives_the_key_as_an_expression_does() -> None:
    by_code, by_text = checked_key(tenant_of), checked_key("event.data.tenant")
    assert key_value(by_code, EVENT) == key_value(by_text, EVENT) == "acme"
    assert str(by_code) == f"{HERE}.tenant_of()"


def test_limits_of_both_kinds_of_key_are_told_alike() -> None:
    for key in (tenant_of, "event.data.tenant"):
        assert run_limits(1, "f", Flow.of([Concurrency(2, key=key)]), EVENT) == ['1:concurrency:f:0|"acme"']


@pytest.mark.parametrize(
    "control",
    [
        Concurrency(2, key=tenant_of),
        Batch(10, "1m", key=tenant_of, if_="event.data.size > 2"),
        Singleton("queue", key=tenant_of),
        Idempotency(tenant_of),
        Fairness(tenant_of, weight=weight_of),
        Priority(weight_of),
        Priority("urgent"),
    ],
)
def test_the_catalog_keeps_where_the_function_is(control: Any) -> None:
    flow = Flow.of([control])
    assert Flow.from_json(flow.to_json()) == flow


def test_a_function_that_others_cannot_find_is_refused() -> None:
    with pytest.raises(InvalidFunction, match="function of a module"):
        Concurrency(2, key=lambda event: event["data"]["tenant"])


def test_what_a_function_raises_is_told_with_its_name() -> None:
    with pytest.raises(InvalidExpression, match=r"broken\(\) raised KeyError: 'nobody'"):
        key_value(checked_key(broken), EVENT)


def test_a_process_without_the_code_says_so() -> None:
    with pytest.raises(InvalidExpression, match=r"nowhere\.at_all\(\) raised ModuleNotFoundError"):
        CodeKey("nowhere:at_all").evaluate(EVENT)


@pytest.mark.parametrize(
    "given, seconds",
    [
        ("urgent", 43_200),
        ("low", -3_600),
        ("event.data.class", 3_600),  # the expression names a class
        ("event.data.size", 3),
        ("event.data.tenant", 0),  # text that is no class
        (weight_of, 4),
        (broken, 0),
    ],
)
def test_a_priority_is_a_class_or_seconds_however_it_is_given(given: Any, seconds: float) -> None:
    assert head_start(Flow.of([Priority(given)]), EVENT, 43_200) == seconds


def test_a_weight_may_be_a_function() -> None:
    share = share_of(1, "f", Flow.of([Fairness(tenant_of, weight=weight_of)]), EVENT)
    assert share is not None
    assert share.stride == 250_000
