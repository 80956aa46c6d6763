"""The dialect of Inngest's server: what plain CEL says too, and where the server is laxer than CEL.

The cases and their values are those that the server's own tests expect, in our words. The last ones say where we are
laxer still.
"""

from typing import Any

import pytest

from orchestrator.core.expressions import compile_expression

EVENT: dict[str, Any] = {
    "name": "app/ticket.opened",
    "ts": 1795367318797,
    "data": {
        "person": "Ada Lovelace",
        "half": 9.1,
        "yes": True,
        "no": False,
        "null": None,
        "n": 8,
        "f": 3.141,
        "zero": 0,
        "nil": 0.0,
        "empty": "",
        "action": "opened",
        "status": "200",
        "a": {"eval": "ok", "num": 1.161},
        "b": {"eval": "ok", "num": 1.161},
        "c": {"eval": "ok", "num": 9},
        "tags": ["a", "b", "c"],
        "nums": [1, 2, 3],
        "from": "2020-01-01T12:00:00",
        "encoded": "eyJuZXN0ZWQiOnsiZGF0YSI6InllYSJ9fQ==",
    },
}

PLAIN = [
    ("event.data.person", "Ada Lovelace"),
    ("5 + 4", 9),
    ("event.data.a == event.data.a", True),
    ("event.data.a == event.data.b", True),
    ("event.data.a == event.data.c", False),
    ("event.data.action == 'opened'", True),
    ("event.data.person != ''", True),
    ("event['data'].person != '' && event['data'].action != true", True),
    ("\n  int(event.data.status) >= 200 &&\n  event.data.yes == true\n", True),
    ("int(event.data.status) == 200", True),
    ("'hello'.contains('llo')", True),
    ("'hello'.contains('what')", False),
    (r"event.data.action.matches('^[a-z\\d]{0,10}$')", True),
    (r"event.data.action.matches('\\w')", True),
    ("size(event.data.action) > 0", True),
    ("size(event.data.action) == 6", True),
    ("size(event.data.tags) > 2", True),
    ("event.data.tags.exists(x, x == 'a')", True),
    ("event.data.tags.exists(x, x == 'd' || x == 'a')", True),
    ("event.data.tags.exists(x, x == 'd')", False),
    ("event.data.tags.exists(x, x == 'd') == false", True),
    ("event.data.nums.all(x, x > 0)", True),
    ("event.data.nums.all(x, x > 1)", False),
    ("[1, 2, 3].all(x, x > 0) && event.data.status == '200'", True),
    ("event.data.action in ['opened', 'closed'] == true", True),
    ("event.data.action in ['closed'] == false", True),
    ("event.data.yes && event.data.no", False),
    ("event.data.no || event.data.yes", True),
    ("event.data.no || event.data.no", False),
    ("event.data.yes && event.data.yes", True),
]

FUNCTIONS = [
    ("uppercase(event.data.person) + ' is her name'", "ADA LOVELACE is her name"),
    ("lowercase('URGENT') == 'urgent'", True),
    ("b64decode('aGkgdGhlcmUh') + ' - b64 data'", "hi there! - b64 data"),
    ("b64decode('aGkgdGhlcmUh') == 'hi there!'", True),
    ("json_parse(b64decode(event.data.encoded)).nested.data", "yea"),
    ("json_parse(b64decode(event.data.encoded)).nested.data == 'yea'", True),
    ("date(event.data.from) + duration('6h35m10s') == date('2020-01-01T18:35:10')", True),
    ("['P0', 'P1'].exists(p, p in event.data.tags) || lowercase(event.data.person).endsWith('lace')", True),
]

LAX = [
    # text with anything
    ("event.data.action + '-' + event.data.half + '-' + event.data.yes + '-' + event.data.gone", "opened-9.1-true-"),
    ("event.data.action + '-' + event.data.gone", "opened-"),
    ("'hello' + 5", "hello5"),
    ("event.data.person + event.data.gone", "Ada Lovelace"),
    ("event.data.gone + event.data.person", "Ada Lovelace"),
    ("event.data.gone + event.data.lost", False),
    # what is missing: equality
    ("event.data.gone == null", True),
    ("event.data.null == null", True),
    ("event.data.action == null", False),
    ("event.data.gone == 'foo'", False),
    ("event.data.gone == 0", False),
    ("event.data.gone == event.data.lost", False),
    ("event.data.gone != 'foo'", True),
    ("event.data.gone != null", False),
    ("event.data.gone != 0", True),
    ("event.data.gone != ''", True),
    ("event.data.null.deep.er == 'x'", False),
    ("event.data.yes == true && event.data.null.deep.er != 'x'", True),
    ("event.data.gone.first.foo == 'test' && event.data.gone.second != true", False),
    ("event.data.gone.foo != 'test' && (event.data.gone.bar == true || event.data.lost.baz == true)", False),
    # what is missing: order
    ("event.data.gone < 5", True),
    ("event.data.gone <= 5", True),
    ("event.data.gone < -5", True),
    ("5 < event.data.gone", False),
    ("5 <= event.data.gone", False),
    ("event.data.gone > 5", False),
    ("event.data.gone >= 5", False),
    ("5 > event.data.gone", True),
    ("5 >= event.data.gone", True),
    ("event.data.n > event.data.gone", True),
    # what is missing: calls
    ("size(event.data.gone)", 0),
    ("size(event.data.gone) > 0", False),
    ("size(event.data.gone) == 0", True),
    ("size(event.data.gone) == 1", False),
    ("size(event.data.null) > 0", False),
    ("event.data.gone in ['a', 'b']", False),
    ("event.data.gone in ['a', 'b'] == false", True),
    ("event.data.gone != '' && 'item' in event.data.gone.fields.tags", False),
    ("event.data.some.unknown.contains(event.data.action)", False),
    ("event.data.some.unknown.contains('x')", False),
    ("event.gone.exists(x, x == 'a')", False),
    # null
    ("null == 'foo'", False),
    ("'foo' == null", False),
    ("null != 'foo'", True),
    ("'foo' != null", True),
    ("null < 'foo'", True),
    ("'foo' < null", False),
    ("null < uint(5)", True),
    ("null < 5", True),
    ("5 < null", False),
    ("null > 0", False),
    ("5 > null", True),
    ("null <= 0", True),
    ("null >= 1", False),
    ("null < 0.5", True),
    ("event.data.null > 0", False),
    ("event.data.f > null && event.data.n > null", True),
    ("event.data.f <= null && event.data.n < null", False),
    # numbers and text
    ("5 == 5.0", True),
    ("event.data.n > 3.141 && event.data.f <= 4", True),
    ("event.data.status == 200", False),
    # what decides is the value
    ("event.data.action || event.data.person", "opened"),
    ("event.data.empty || event.data.person", "Ada Lovelace"),
    ("event.data.gone || event.data.person", "Ada Lovelace"),
    ("event.data.person || event.data.gone", "Ada Lovelace"),
    ("event.data.gone || event.data.lost", False),
    ("event.data.zero || event.data.action", "opened"),
    ("event.data.nil || event.data.action", "opened"),
    ("null || event.data.action", "opened"),
    ("event.data.f || false", 3.141),
    ("false || event.data.tags", ["a", "b", "c"]),
    ("uint(5) || false", 5),
    ("uint(0) || event.data.action", "opened"),
    ("event.data.action && event.data.person", "Ada Lovelace"),
    ("event.data.empty && event.data.person", ""),
    ("event.data.person && event.data.empty", ""),
    ("event.data.gone && event.data.person", False),
    ("event.data.person == 'x' && (event.data.gone || event.data.lost)", False),
    ("event.data.gone < 5 && event.data.person != '' && (event.data.gone || event.data.action)", "opened"),
]

LAXER = [
    ("event.data.action < 5", False),  # there no match because it is an error, here because it is false
    ("!event.data.gone", True),
    ("event.data.n.contains('8')", False),
    ("event.data.action + event.data.null", "opened"),
    ("event.data.n / 3.2", 2.5),  # a whole number of JSON with one that is not
    ("5 / 2", 2.5),
]


@pytest.mark.parametrize("text, value", [*PLAIN, *FUNCTIONS, *LAX, *LAXER])
def test_an_expression_says_what_it_says_on_inngest(text: str, value: object) -> None:
    found = compile_expression(text).evaluate({"event": EVENT})
    assert found == value
    assert type(found) is type(value)
