"""Expressions are small, fast and lax: a document that lacks something is an answer, not an accident."""

import pytest

from orchestrator.core.errors import InvalidExpression
from orchestrator.core.expressions import compile_expression

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
        ("5u + 0x1F", 36),
        (".5 + 1e0", 1.5),
        ("r'\\d' + R\"\\n\"", "\\d\\n"),
        ("'\\x41\\101\\U0001F600\\a'", "AA😀\a"),
        ('"""say "a"\nb""" + \'\'\'\'s\'\'\'', 'say "a"\nb\'s'),
        ("b'a\\xff' == b\"a\\377\"", True),
        ("{'a': 1, 'b': {'c': event.data.n}}", {"a": 1, "b": {"c": 5}}),
        ("[1, 2,]  // a comment", [1, 2]),
        ("{}", {}),
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
        ("event.data.items[event.data.zero + 1].sku", "b"),
        ("event.data['us' + 'er'].id", "u1"),
        ("event.data.items[event.data.f].sku", None),
        ("event.data.tags[event.data.text]", None),
        ("{'a': [1, 2]}.a[1]", 2),
        ("(1 + 2).x", None),
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
        ("event.data.yes ? 'a' : 1 / 0", "a"),
        ("event.data.zero ? 1 : event.data.no ? 2 : 3", 3),
        ("event.data.n > 3 || false ? 1 : 2", 1),
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
        ("event.data.n % 3", 2),
        ("-7 % 3", -1),  # the sign of the first, as in Go
        ("5.5 % 2", 1.5),
        ("event.data.missing * 2", False),  # nothing can be done with nothing
        ("-event.data.nothing", False),
        ("event.data.missing + event.data.missing", False),
        ("[1] + [2.0]", [1, 2.0]),
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
        ("event.data[true]", "a key is text or a position", 10),
        ("event.data.items[-1]", "a key is text or a position", 16),
        ("event.data.items[1.5]", "a key is text or a position", 16),
        ("'open", "cannot be read", 0),
        ("'\\x'", r"\\x is not an escape", 1),
        ("'\\ud800'", "lone surrogate", 0),
        ("a & b", "cannot be read", 2),
        ("1 in", "a value is missing at the end", 4),
        ("in 1", "a value is missing before 'in'", 0),
        ("sum(1)", "is not a function here: known are has, size", 0),
        ("has(5)", "asks for a path", 0),
        ("size()", "takes 1 values here, not 0", 0),
        ("now(1)", "takes 0 values", 0),
        ("json_parse('{')", "json_parse", 0),
        ("'a'.reverse()", "is not a method here: known are size", 4),
        ("'a'.contains()", "takes 1 values here, not 0", 4),
        ("'a'.substring(1, 2, 3)", "takes 1 to 2 values here, not 3", 4),
        ("event.data.text.matches('(a')", "matches: missing ", 16),
        ("event.data.text.matches('a(?=b)')", "invalid perl operator", 16),  # look-ahead is not linear
        ("event.data.n == 5 && duration('soon') == null", "duration: 'soon' is not a duration", 21),
        ("timestamp('2026-13-01')", "timestamp: ", 0),
        ("int('x')", "'x' is no whole number", 0),
        ("event.data.tags.exists(x)", "',' is missing before", 24),
        ("event.data.tags.exists(x, x, x)", "takes 2 values", 16),
        ("event.data.tags.exists(5, true)", "a name is missing", 23),
        ("event.data.tags.exists(event, true)", "'event' cannot be the name of a variable", 23),
        ("event.data.tags.all(x, x == 1) && x == 1", "no value is named 'x'", 34),
        ("event.data.yes ? 1", "':' is missing at the end", 18),
        ("{'a' 1}", "':' is missing", 5),
        ("'\\U00110000'", "is not Unicode", 1),
        ("b'\\q'", r"\\q is not an escape", 2),
        ("1e999", "too large a number", 0),
        ("18446744073709551616", "too large a number", 0),
        ("evnt.data.n == 5", "no value is named 'evnt'", 0),
        ("event.data.n == 5 && data.n == 5", "known are event and async", 21),
        ("(" * 31 + "1" + ")" * 31, "nested over 30 levels", 30),
        ("!" * 40 + "1", "nested over 30 levels", 30),
        ("1" + "+1" * 40, "nested over 30 levels", 59),
        ("1 == " * 1000, "at most 4096", 4096),
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
