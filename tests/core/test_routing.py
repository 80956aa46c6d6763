"""An event starts the functions whose triggers name it, and says why it does not start the others that do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.codec import decode, encode
from orchestrator.core.cron import Cron
from orchestrator.core.errors import InvalidFunction
from orchestrator.core.routing import Routed, Router, Trigger

PAID = {"name": "shop/order.paid", "data": {"total": 50, "gift": True}}


def started(router: Router, event: dict[str, Any]) -> list[str]:
    return [routed.function_id for routed in router.match(event) if routed.skipped_reason is None]


@pytest.mark.parametrize(
    "trigger, matches",
    [
        ("shop/order.paid", True),
        ("shop/order.*", True),
        ("shop/*", True),
        ("*", True),
        ("shop/order.pai", False),  # a name is the whole name
        ("Shop/order.paid", False),  # in this case
        ("shop/order.paid.*", False),  # something has to follow the separator
        ("shop/orders.*", False),
        ("hop/*", False),
    ],
)
def test_a_trigger_names_events(trigger: str, matches: bool) -> None:
    assert started(Router([("f", [Trigger(trigger)])]), PAID) == (["f"] if matches else [])


def test_functions_come_in_the_order_they_were_given() -> None:
    router = Router([("c", [Trigger("*")]), ("a", [Trigger("shop/order.paid")]), ("b", [Trigger("shop/*")])])
    assert started(router, PAID) == ["c", "a", "b"]


def test_a_function_is_started_once_however_many_triggers_name_the_event() -> None:
    first = Trigger("shop/*")
    assert Router([("f", [first, Trigger("*"), Trigger("shop/order.paid")])]).match(PAID) == [Routed("f", first)]


@pytest.mark.parametrize(
    "condition, reason",
    [
        ("event.data.total > 10", None),
        ("event.data.total > 100", "if is false: event.data.total > 100"),
        ("event.data.missing.deeper == 1", "if is false: event.data.missing.deeper == 1"),
        ("event.data.total", "if gave 50, not true or false: event.data.total"),
        ("event.data.total / 0 == 1", "if cannot be evaluated: / cannot be done: division by zero"),
        ("event.data.total >", "if cannot be evaluated: a value is missing at the end"),
        ("async.data.total == 1", "if cannot be evaluated: no value is named 'async'"),  # there is no second event
    ],
)
def test_an_if_that_does_not_hold_is_a_reason_and_not_silence(condition: str, reason: str | None) -> None:
    [routed] = Router([("f", [Trigger("shop/*", condition)])]).match(PAID)
    if reason is None:
        assert routed.skipped_reason is None
    else:
        assert routed.skipped_reason is not None
        assert routed.skipped_reason.startswith(reason)


def test_a_later_trigger_starts_a_function_that_an_earlier_one_skips() -> None:
    large, gift = Trigger("shop/*", "event.data.total > 100"), Trigger("shop/order.paid", "event.data.gift")
    assert Router([("f", [large, gift])]).match(PAID) == [Routed("f", gift)]
    assert Router([("f", [gift, large])]).match(PAID) == [Routed("f", gift)]


def test_a_function_that_all_its_triggers_skip_tells_the_first_reason() -> None:
    large, small = Trigger("shop/*", "event.data.total > 100"), Trigger("*", "event.data.total < 10")
    [routed] = Router([("f", [large, small])]).match(PAID)
    assert routed.trigger is large
    assert routed.skipped_reason == "if is false: event.data.total > 100"


def test_schedules_and_functions_without_triggers_are_not_started_by_events() -> None:
    assert Router([("nightly", [Trigger(cron=Cron("@daily"))]), ("task", [])]).match(PAID) == []


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({}, "exactly one"),
        ({"event": "a", "cron": Cron("@daily")}, "exactly one"),
        ({"cron": Cron("@daily"), "expression": "true"}, "no event"),
        ({"event": ""}, "1 to 255 bytes"),
        ({"event": "é" * 128}, "1 to 255 bytes"),
        ({"event": "shop*"}, "comes last, after / or ."),
        ({"event": "shop/*/paid"}, "comes last"),
        ({"event": "shop/**"}, "comes last"),
    ],
)
def test_a_trigger_that_cannot_be_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidFunction, match=says):
        Trigger(**wrong)


@pytest.mark.parametrize(
    "trigger, data",
    [
        (Trigger("shop/*"), {"event": "shop/*"}),
        (Trigger("a", "event.data.n == 1"), {"event": "a", "expression": "event.data.n == 1"}),
        (Trigger(cron=Cron("0 9 * * MON", "Europe/Paris")), {"cron": "0 9 * * MON", "tz": "Europe/Paris"}),
    ],
)
def test_a_trigger_goes_to_json_and_back(trigger: Trigger, data: dict[str, str]) -> None:
    assert trigger.to_json() == data
    assert Trigger.from_json(decode(encode(trigger.to_json()))) == trigger


names = st.lists(st.sampled_from(["a", "b", "/", "."]), min_size=1, max_size=6).map("".join)
wildcards = names.map(lambda name: name + "/*") | names.map(lambda name: name + ".*") | st.just("*")


@given(st.lists(names | wildcards, max_size=6), names)
def test_looking_names_up_agrees_with_comparing_each(triggers: list[str], name: str) -> None:
    router = Router([(f"f{n}", [Trigger(trigger)]) for n, trigger in enumerate(triggers)])
    expected = [
        f"f{n}"
        for n, trigger in enumerate(triggers)
        if (name.startswith(trigger[:-1]) if trigger.endswith("*") else name == trigger)
    ]
    assert started(router, {"name": name}) == expected
