"""Where types fit, our expressions give what another implementation of CEL gives: common-expression-language."""

from typing import Any

import cel
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.expressions import compile_expression

Text = st.SearchStrategy[str]

# In CEL whole numbers and doubles do not mix: these are built so that they do not.
whole = st.integers(-1000, 1000)
part = st.integers(-4000, 4000).map(lambda n: n / 4)
words = st.text("abcXYZ 0_-", max_size=6)  # the other one counts bytes, CEL says characters
EVENTS = st.fixed_dictionaries(
    {
        "w": whole,
        "d": part,
        "t": words,
        "y": st.booleans(),
        "ws": st.lists(whole, max_size=4),
        "ts": st.lists(words, max_size=4),
        "m": st.dictionaries(st.sampled_from("abc"), whole, max_size=3),
    }
)


def quoted(text: str) -> str:
    return '"' + text + '"'


def binary(operators: str, left: Text, right: Text) -> Text:
    return st.builds("({} {} {})".format, left, st.sampled_from(operators.split()), right)


def wholes(depth: int) -> Text:
    leaf = whole.filter(lambda n: n >= 0).map(str) | st.just("event.w") | st.just("size(event.ws)")
    if depth == 0:
        return leaf
    inner, strings = wholes(depth - 1), texts(depth - 1)
    return (
        leaf
        | binary("+ - *", inner, inner)
        | st.builds("({} % {})".format, inner, st.integers(1, 9))
        | st.builds("(-{})".format, inner)
        | st.builds("size({})".format, strings)
        | st.builds("{}.size()".format, strings)
        | st.builds("int({})".format, doubles(0))
        | st.builds("({} ? {} : {})".format, booleans(depth - 1), inner, inner)
        | st.builds("size(event.ws.filter(x, x > {}))".format, inner)
    )


def doubles(depth: int) -> Text:
    leaf = part.filter(lambda n: n >= 0).map(lambda n: f"{n:.2f}") | st.just("event.d") | st.just("double(event.w)")
    if depth == 0:
        return leaf
    inner = doubles(depth - 1)
    return leaf | binary("+ - *", inner, inner) | st.builds("({} / {:.2f})".format, inner, st.integers(1, 9))


def texts(depth: int) -> Text:
    leaf = words.map(quoted) | st.just("event.t")
    if depth == 0:
        return leaf
    inner = texts(depth - 1)
    return leaf | binary("+", inner, inner) | st.builds("string({})".format, wholes(depth - 1))


def booleans(depth: int) -> Text:
    leaf = st.sampled_from(["true", "false", "event.y", "has(event.m.a)", "has(event.q)"])
    if depth == 0:
        return leaf
    inner, numbers, reals, strings = (make(depth - 1) for make in (booleans, wholes, doubles, texts))
    order = "== != < <= > >="
    method = st.sampled_from(["contains", "startsWith", "endsWith"])
    return (
        leaf
        | binary("&& ||", inner, inner)
        | st.builds("!{}".format, inner)
        | binary(order, numbers, numbers)
        | binary(order, reals, reals)
        | binary(order, strings, strings)
        | st.builds("{}.{}({})".format, strings, method, strings)
        | st.builds("({} in event.ts)".format, strings)
        | st.builds("({} in event.m)".format, strings)
        | st.builds("event.ws.{}(x, x > {})".format, st.sampled_from(["all", "exists", "exists_one"]), numbers)
        | st.builds("(event.ws.map(x, x + {}) == event.ws)".format, numbers)
        | st.builds("(event.ts.filter(x, x < {}) == event.ts)".format, strings)
        | st.builds("{}.matches('^[a-c]*{}')".format, strings, st.sampled_from(["$", "X", "[^0-9]+$"]))
    )


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, bool) or isinstance(ours, bool):
        return ours is theirs
    return bool(ours == theirs)


@settings(max_examples=400, deadline=None)
@given(booleans(3) | wholes(3) | doubles(3) | texts(2), EVENTS)
def test_well_typed_expressions_agree_with_another_cel(text: str, event: dict[str, Any]) -> None:
    ours = compile_expression(text).evaluate({"event": event})
    assert same(ours, cel.evaluate(text, {"event": event})), ours
