"""Functions, methods and macros of expressions, and what they may cost."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.errors import InvalidExpression
from orchestrator.core.expressions import NOW, compile_expression
from orchestrator.core.matching import accepts, plan_match
from orchestrator.core.routing import Router, Trigger

EVENT = {
    "name": "shop/paid",
    "ts": 1795367318797,
    "data": {
        "text": "  Hello, World ",
        "code": "200",
        "n": 7,
        "f": 2.5,
        "nothing": None,
        "at": "2026-03-29T01:30:00+01:00",
        "tags": ["a", "b", "c"],
        "items": [{"sku": "x", "paid": True, "price": 10}, {"sku": "y", "price": 5.5}],
        "by": {"one": 1, "two": 2},
        "encoded": "eyJhIjogWzFdfQ==",
    },
}


@pytest.mark.parametrize(
    "text, value",
    [
        # text
        ("event.data.text.trim()", "Hello, World"),
        ("event.data.text.trim().lowerAscii()", "hello, world"),
        ("'straße'.upperAscii()", "STRAßE"),
        ("uppercase('straße')", "STRASSE"),
        ("lowercase('ÀB')", "àb"),
        ("'a,b,c'.split(',')", ["a", "b", "c"]),
        ("'a,b,c'.split(',', 2)", ["a", "b,c"]),
        ("'a,b,c'.split(',', 0)", []),
        ("'abc'.split('')", ["a", "b", "c"]),
        ("'abc'.split('', 2)", ["a", "bc"]),
        ("'a-a-a'.replace('a', 'b')", "b-b-b"),
        ("'a-a-a'.replace('a', 'b', 2)", "b-b-a"),
        ("'hello'.substring(2)", "llo"),
        ("'hello'.substring(1, 3)", "el"),
        ("'hello'.substring(event.data.f * 2)", ""),
        ("'hello'.indexOf('l')", 2),
        ("'hello'.indexOf('l', 3)", 3),
        ("'hello'.indexOf('x')", -1),
        ("'hello'.lastIndexOf('l')", 3),
        ("'hello'.charAt(1)", "e"),
        ("'hello'.charAt(5)", ""),
        ("['a', 'b'].join('-')", "a-b"),
        ("['a', 'b'].join()", "ab"),
        ("'abc'.size() + [1].size() + {'a': 1}.size() + b'ab'.size()", 7),
        (r"'order-42'.matches('^order-[0-9]+$')", True),
        (r"'order-42'.matches(r'\d\d')", True),
        ("'order'.matches('^o$')", False),
        ("json_parse(b64decode(event.data.encoded)).a[0]", 1),
        ("b64decode('aGkgdGhlcmUh') + '!'", "hi there!!"),
        # of nothing, and of what is no text
        ("event.data.missing.trim()", False),
        ("event.data.nothing.split(',')", False),
        ("event.data.n.matches('7')", False),
        ("lowercase(event.data.missing) == 'a'", False),
        ("int(event.data.missing)", False),
        ("size(event.data.nothing)", 0),
        ("event.data.n.join('a')", False),
        # conversions
        ("int(event.data.code) == 200", True),
        ("int(-2.9)", -2),
        ("int(5 / 2)", 2),
        ("int(timestamp('1970-01-02T00:00:00Z'))", 86_400),
        ("uint(5)", 5),
        ("double('2.50')", 2.5),
        ("double(event.data.n)", 7.0),
        ("string(event.data.f) + string(true) + string(7.0) + string(1e21)", "2.5true71e+21"),
        ("string(b'abc') + string(duration('90s'))", "abc90s"),
        ("bool('true') && !bool('F') && bool(true)", True),
        ("bytes('é') == b'\\xc3\\xa9'", True),
        # moments
        ("timestamp(event.data.at)", "2026-03-29T00:30:00Z"),
        ("date('2026-01-01') == timestamp('2026-01-01T00:00:00Z')", True),
        ("date(event.ts) == date(event.ts / 1000)", True),  # milliseconds and seconds
        ("date('2020-01-01T12:00:00') + duration('6h35m10s') == date('2020-01-01T18:35:10')", True),
        ("date('2026-01-02') - date('2026-01-01') == duration('24h')", True),
        ("date('2026-01-02') - duration('1d')", "2026-01-01T00:00:00Z"),
        ("duration('1h') + duration('30m') - duration('-30m')", "7200s"),
        ("-duration('1.5s')", "-1.5s"),
        ("duration('1h') > duration('59m') && date('2026-01-02') > date('2026-01-01')", True),
        ("date('2026-01-02') > '2026-01-01'", False),  # a moment and text are not ordered
        ("date(event.data.missing) < now()", False),
        ("now() == date(event.ts)", True),  # the event's own moment, if nobody says another
        ("now_plus('1h') - now_minus('1h') == duration('2h')", True),
        ("timestamp(event.data.at).getHours()", 0),
        ("timestamp(event.data.at).getHours('Europe/Berlin')", 1),
        ("timestamp('2026-03-29T01:30:00Z').getHours('Europe/Berlin')", 3),  # the hour that is left out
        ("timestamp(event.data.at).getFullYear() + timestamp(event.data.at).getMonth()", 2028),
        ("timestamp(event.data.at).getDate() - timestamp(event.data.at).getDayOfMonth()", 1),
        ("timestamp(event.data.at).getDayOfWeek()", 0),  # a Sunday
        ("timestamp(event.data.at).getDayOfYear()", 87),
        ("timestamp(event.data.at).getMinutes() + timestamp(event.data.at).getSeconds()", 30),
        ("timestamp('2026-01-01T00:00:00.125Z').getMilliseconds()", 125),
        ("duration('90m').getHours() + duration('90m').getMinutes() + duration('1.5s').getMilliseconds()", 591),
        # macros
        ("event.data.tags.exists(t, t == 'b')", True),
        ("event.data.tags.exists(t, t == event.data.code || t == 'c')", True),
        ("event.data.tags.all(t, size(t) == 1)", True),
        ("[].all(t, false)", True),
        ("event.data.items.exists_one(item, item.paid)", True),
        ("event.data.items.filter(item, item.price > 6).map(item, item.sku)", ["x"]),
        ("event.data.items.map(item, item.paid, item.price * 2)", [20]),
        ("event.data.items.map(item, item.paid)", [True, None]),  # in a list what is missing is null
        ("event.data.by.exists(name, event.data.by[name] == 2)", True),  # the keys of an object
        ("event.data.by.map(name, name + '!')", ["one!", "two!"]),
        ("event.data.items.exists(i, event.data.tags.exists(t, t + 'x' == 'a' + i.sku))", True),
        ("[1, 2].map(x, [10, 20].map(x, x + 1))", [[11, 21], [11, 21]]),  # the inner x
        ("[1, 2].map(x, [10, 20].map(y, x + y))", [[11, 21], [12, 22]]),
        ("[[1, 2], [3]].exists(row, row[1] == 2)", True),
        ("event.data.items.exists(i, has(i.paid)) && !event.data.items.all(i, has(i.paid))", True),
        ("event.data.missing.exists(t, t == 'a')", False),
        ("event.data.missing.all(t, t == 'a')", False),
        ("size(event.data.missing.filter(t, true))", 0),
        ("event.data.n.exists(t, true)", False),
        ("[timestamp(0), duration(1), {'at': timestamp(0)}]",
         ["1970-01-01T00:00:00Z", "1s", {"at": "1970-01-01T00:00:00Z"}]),
    ],
)  # fmt: skip
def test_a_function_has_a_value(text: str, value: object) -> None:
    found = compile_expression(text).evaluate({"event": EVENT})
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text, says",
    [
        ("int(event.data.text)", "no whole number"),
        ("int(event.data.tags)", "is not a number"),
        ("uint(-1 * event.data.n)", "-7 is negative"),
        ("double(event.data.at)", "is no number"),
        ("bool(event.data.at)", "neither true nor false"),
        ("date(event.data.text)", "Invalid isoformat"),
        ("date(event.data.n * 1e300)", "cannot be done"),
        ("duration(event.data.at)", "is not a duration"),
        ("timestamp(event.data.at).getHours('Mars/Base')", "is no time zone"),
        ("timestamp(event.data.at).getHours('../etc/passwd')", "is no time zone"),
        ("event.data.n.getHours()", "is no timestamp"),
        ("date(event.data.at) + date(event.data.at)", "unsupported operand"),
        ("json_parse(event.data.text)", "json_parse cannot be done"),
        ("b64decode(event.data.text)", "no base64"),
        ("event.data.at.matches(event.data.at + '(')", "matches cannot be done"),
        ("event.data.text.substring(3, 1)", "after the end"),
        ("event.data.text.substring(-1)", "no position"),
        ("event.data.text.split(5)", "not text"),
        ("{event.data.n: 1}", "keys of objects are text"),
        ("event.data.n % 0", "division by zero"),
        ("1e308 * event.data.n", "no finite number"),
        ("18446744073709551615 * event.data.n", "too large a number"),
        ("event.data.tags.map(x, 1 / 0)", "division by zero"),
    ],
)
def test_what_cannot_be_computed_is_an_error_that_no_event_escapes(text: str, says: str) -> None:
    expression = compile_expression(text)
    with pytest.raises(InvalidExpression, match=says):
        expression.evaluate({"event": EVENT})
    assert not expression.truth({"event": EVENT})


BOMBS = {
    "steps": "event.data.n.exists(a, event.data.n.exists(b, event.data.n.exists(c, false)))",
    "siblings": " || ".join(["event.data.n.exists(a, event.data.n.exists(b, false))"] * 20),
    "text": "event.data.text.replace('a', event.data.text)",
    "doubling": "event.data.n.map(a, event.data.text + event.data.text)",
    "lists": "event.data.n.map(a, event.data.n.map(b, b))",
    "joined": "event.data.n.map(a, event.data.text).join(event.data.text)",
}


@pytest.mark.parametrize("name", BOMBS)
def test_an_expression_cannot_take_the_machine(name: str) -> None:
    event: dict[str, Any] = {"data": {"n": list(range(200)), "text": "a" * 50_000}}
    began = time.process_time()
    with pytest.raises(InvalidExpression, match=r"over 10000 items|longer than"):
        compile_expression(BOMBS[name]).evaluate({"event": event})
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}$", "(a?){30}a{30}b", "^(([a-z])+.)+[A-Z]([a-z])+$"]
)
def test_a_pattern_takes_time_linear_in_the_text(pattern: str) -> None:
    expression = compile_expression(f"event.data.text.matches('{pattern}')")
    began = time.process_time()
    assert not expression.truth({"event": {"data": {"text": "a" * 50_000 + "!"}}})
    assert time.process_time() - began < 1


def test_a_pattern_that_would_grow_is_refused() -> None:
    for pattern in ("a{1000}{1000}", "(((a{100}){100}){100})", "x" * 1001):
        with pytest.raises(InvalidExpression, match="matches: "):
            compile_expression(f"event.data.text.matches('{pattern}')")


def test_the_moment_of_the_evaluation_can_be_given() -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    assert compile_expression("now() > date('2026-12-31')").truth({"event": EVENT, NOW: now})
    late = plan_match("date(data.at) < now()", EVENT)
    assert accepts(late.expr, {"data": {"at": "2026-12-31"}}, now)
    assert not accepts(late.expr, {"data": {"at": "2027-01-02"}}, now)


def test_an_error_is_a_reason_that_people_see() -> None:
    router = Router([("f", [Trigger("shop/paid", "int(event.data.text) > 5")])])
    [routed] = router.match(EVENT)
    assert routed.skipped_reason == "if cannot be evaluated: int cannot be done: '  Hello, World ' is no whole number"
