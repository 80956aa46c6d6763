"""Expressions are small, fast and lax: a document that lacks something is an answer, not an accident."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import InvalidExpression
from orchestrator.core.expressions import compile_expression
from orchestrator.core.parser import parse
from orchestrator.core.syntax import Apply, Literal, Node, Path, render

EVENT = {
    "name": "shop/paid",
    "ts": 1795367318797,
    "data": {
        "n": 5,
        "f": 5.0,
        "zero": 0,
        "no": False,
        "yes": True,
        "nothing": None,
        "text": "Hello",
        "empty": "",
        "user": {"id": "u1", "in": 1},
        "items": [{"sku": "a"}, {"sku": "b"}],
        "tags": ["x", "y", 1],
        "a b": 7,
        "7": "seven",
    },
}
SCOPE = {"event": EVENT, "async": {"name": "shop/shipped", "data": {"n": 5, "order": 42}}}


@pytest.mark.parametrize(
    "text, value",
    [
        # literals
        ("1", 1),
        ("1.5e3", 1500.0),
        ("-2", -2),
        ('"a\\n\\u00e9\\ud83d\\ude00"', "a\né😀"),
        ("'it\\'s'", "it's"),
        ("true", True),
        ("null", None),
        ('["a", 1, [true]]', ["a", 1, [True]]),
        ('json_parse("{\\"a\\": [1]}")', {"a": [1]}),
        # paths
        ("event.data.user.id", "u1"),
        ("event.data.user.in", 1),  # a key may be a word of the language
        ('event.data["a b"]', 7),
        ("event['data'].n", 5),
        ("event.data.items[1].sku", "b"),
        ("async.data.order", 42),
        ("event.data.user.missing.deeper", None),
        ("event.data.items[9].sku", None),
        ("event.data.items.sku", None),  # a key of a list
        ("event.data.user[0]", None),  # a position in an object
        ("event.data.text[0]", None),  # a position in text
        ('event.data["7"]', "seven"),
        ("event.data[7]", None),  # keys are text
        # equality
        ("event.data.n == event.data.f", True),  # 5 == 5.0
        ("event.data.yes == 1", False),  # true is not 1
        ("event.data.no == 0", False),
        ("event.data.n == '5'", False),
        ("event.data.missing == null", True),
        ("event.data.nothing == null", True),
        ("event.data.missing == 'x'", False),
        ("event.data.missing != 'x'", True),
        ("event.data.tags == ['x', 'y', 1.0]", True),
        ("event.data.tags == ['x', 'y', true]", False),
        ('event.data.user == json_parse(\'{"in": 1.0, "id": "u1"}\')', True),
        # order
        ("event.data.n < 6", True),
        ("event.data.n >= 5.0", True),
        ("'a' < 'b'", True),
        ("false < true", True),
        ("event.data.n < '6'", False),  # across types: false both ways
        ("event.data.n >= '6'", False),
        ("event.data.yes > 0", False),
        ("event.data.missing < 5", True),  # null counts as 0
        ("event.data.missing > 5", False),
        ("event.data.missing < 'a'", True),  # or as empty text
        ("null < null", False),
        ("event.data.tags < event.data.tags", False),
        # logic
        ("true && false", False),
        ("event.data.missing || event.data.text", "Hello"),  # the operand that decided
        ("event.data.zero || event.data.empty || event.data.nothing", None),
        ("event.data.n && event.data.text", "Hello"),
        ("event.data.zero && event.data.text", 0),
        ("event.data.tags && true", True),
        ("!event.data.missing", True),
        ("!!event.data.text", True),
        ("false && 1 / 0 == 1", False),  # the right side is not reached
        # precedence
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 2 - 3", 5),
        ("-event.data.n + 1", -4),
        ("1 == 1 && 2 > 1 || false", True),
        ("false && false || true", True),
        ("!false && true", True),
        ("1 + 1 == 2", True),
        # arithmetic
        ("5 / 2", 2.5),
        ("event.data.n * 2 - 1", 9),
        ("'hello' + 5", "hello5"),
        ("'n' + 5.0 + true", "n5true"),
        ("'a' + event.data.missing", "a"),
        ("event.data.missing + 1", 1),
        # membership, functions, methods
        ("'x' in event.data.tags", True),
        ("1.0 in event.data.tags", True),
        ("true in event.data.tags", False),
        ("event.data.text in ['Hello', 'Bye']", True),
        ("'id' in event.data.user", True),
        ("'x' in event.data.missing", False),
        ("has(event.data.nothing)", True),  # there, though null
        ("has(event.data.missing)", False),
        ("has(event.data.items[1])", True),
        ("has(event.data.items[2].sku)", False),
        ("has(async)", True),
        ("size(event.data.tags)", 3),
        ("size(event.data.text) + size(event.data.user)", 7),
        ("size(event.data.missing)", 0),
        ("event.data.text.contains('ell')", True),
        ("event.data.text.startsWith('He')", True),
        ("event.data.text.endsWith('He')", False),
        ("event.data.text.lowerAscii() == 'hello'", True),
        ("'ÀB'.lowerAscii()", "Àb"),
        ("event.data.missing.contains('x')", False),
        ("event.data.n.contains('x')", False),
        ("event.data.text.contains(5)", False),
        ("(event.data.missing || 'none').startsWith('no')", True),
        ("  event . data\n. n  ", 5),
    ],
)
def test_an_expression_has_a_value(text: str, value: object) -> None:
    found = compile_expression(text).evaluate(SCOPE)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text, true",
    [
        ("event.data.n == 5", True),
        ("event.data.n == 6", False),
        ("event.data.yes", True),
        ("event.data.n", False),  # not a boolean: no match
        ("event.data.text || true", False),
        ("1 / 0 == 1", False),  # an error: no match
        ("event.data.user - 1 == 0", False),
    ],
)
def test_only_the_boolean_true_is_a_match(text: str, true: bool) -> None:
    assert compile_expression(text).truth(SCOPE) is true


@pytest.mark.parametrize(
    "text, says, position",
    [
        ("1 / 0", "division by zero", 2),
        ("event.data.text - 1", "'Hello' is not a number", 16),
        ("-event.data.yes", "True is not a number", 0),
        ("size(5)", "5 has no size", 0),
        ("'a' + event.data.user", "does not join text", 4),
    ],
)
def test_what_cannot_be_computed_says_why_and_where(text: str, says: str, position: int) -> None:
    with pytest.raises(InvalidExpression, match=says) as caught:
        compile_expression(text).evaluate(SCOPE)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "text, says, position",
    [
        ("", "a value is missing at the end", 0),
        ("   ", "a value is missing at the end", 3),
        ("event.data.n ==", "a value is missing at the end", 15),
        ("event.data.n = 5", "write == to compare", 13),
        ("event.data.n 5", "an operator is missing before '5' at 13", 13),
        ("(1 + 2", r"'\)' is missing at the end", 6),
        ("1 + 2)", r"an operator is missing before '\)'", 5),
        ("[1, 2", "',' is missing at the end", 5),
        ("[1 2]", "',' is missing before '2'", 3),
        ("event.", "a name is missing", 6),
        ("event.5", "a name is missing before '5'", 6),
        ("event.data[true]", "only a name can be followed", 10),
        ("event.data[event.data.n]", "only a name can be followed", 10),
        ("event.data.items[-1]", "only a name can be followed", 16),
        ("(1 + 2).x", "only a name can be followed", 7),
        ("'open", "cannot be read", 0),
        ("'\\x'", r"\\x is not an escape", 1),
        ("'\\ud800'", "lone surrogate", 0),
        ("a & b", "cannot be read", 2),
        ("1 in", "a value is missing at the end", 4),
        ("in 1", "a value is missing before 'in'", 0),
        ("now()", "is not a function here", 0),
        ("has(5)", "is not a function here", 0),
        ("size()", "is not a function here", 0),
        ("json_parse('{')", "json_parse", 0),
        ("'a'.matches('b')", "is not a method here", 4),
        ("'a'.contains()", "is not a method here", 4),
        ("1e999", "too large a number", 0),
        ("18446744073709551616", "too large a number", 0),
        ("evnt.data.n == 5", "no value is named 'evnt'", 0),
        ("event.data.n == 5 && data.n == 5", "known are event and async", 21),
        ("(" * 31 + "1" + ")" * 31, "nested over 30 levels", 30),
        ("!" * 40 + "1", "nested over 30 levels", 30),
        ("1" + "+1" * 40, "nested over 30 levels", 59),
        ("1 == " * 500, "at most 2000", 2000),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_position(text: str, says: str, position: int) -> None:
    with pytest.raises(InvalidExpression, match=says) as caught:
        compile_expression(text)
    assert caught.value.position == position


def test_long_chains_of_conditions_are_not_deep() -> None:
    text = " && ".join(["event.data.n == 5"] * 90)
    assert compile_expression(text).truth(SCOPE)


def test_an_expression_knows_its_text_and_its_paths() -> None:
    text = "event.data.items[0].sku == async.data['a b'] && event.data.items[0].sku != 'x'"
    expression = compile_expression(text)
    assert expression.text == text
    assert expression.paths == {"event.data.items[0].sku", 'async.data["a b"]'}


def test_an_expression_is_compiled_once() -> None:
    assert compile_expression("event.data.n == 5") is compile_expression("event.data.n == 5")


def test_a_document_that_is_not_there_is_null() -> None:
    assert compile_expression("async.data.n == null").truth({"event": EVENT})


@given(st.text("event.data()[]'\"\\ =!<>&|+-*/,0159in sizehas", max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    with suppress(InvalidExpression):
        compile_expression(text).evaluate(SCOPE)


keys = st.sampled_from(["n", "a b", "in", 'quo"te', "\x00", "é", ""]) | st.integers(0, 3)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
leaves: st.SearchStrategy[Node] = (
    scalars.map(Literal)
    | st.dictionaries(st.text(), scalars, max_size=2).map(Literal)
    | st.builds(Path, st.sampled_from(["event", "async"]), st.lists(keys, max_size=3).map(tuple))
)


def applications(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pair, single = st.tuples(inner, inner), st.tuples(inner)
    return (
        st.builds(Apply, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/"]), pair)
        | st.builds(Apply, st.sampled_from(["!", "size", "lowerAscii"]), single)
        | st.builds(Apply, st.sampled_from(["contains", "startsWith", "endsWith"]), pair)
        | st.builds(Apply, st.sampled_from(["&&", "||", "list"]), st.lists(inner, min_size=2, max_size=3).map(tuple))
    )


def flat(node: Any) -> Any:
    """The tree as the parser builds it: a chain that begins with the same chain is one chain."""
    if not isinstance(node, Apply):
        return node
    args = [flat(arg) for arg in node.args]
    while node.op in ("&&", "||") and isinstance(args[0], Apply) and args[0].op == node.op:
        args[:1] = args[0].args
    return Apply(node.op, tuple(args))


@given(st.recursive(leaves, applications, max_leaves=8))
def test_a_tree_written_as_text_is_read_as_the_same_tree(node: Node) -> None:
    assert parse(render(node), max_length=10**6) == flat(node)
