"""The text of expressions: any text is read or refused, and a tree written as text is read as the same tree."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.errors import InvalidExpression
from orchestrator.core.expressions import compile_expression
from orchestrator.core.parser import parse
from orchestrator.core.syntax import MACROS, Apply, Literal, Local, Node, Path, render


@given(st.text("event.data()[]{}'\"\\ =!<>&|+-*/%?:,0159in sizehas.map(x, x)rb", max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    with suppress(InvalidExpression):
        compile_expression(text).evaluate({"event": {"data": {"n": 5, "t": ["x"]}}})


keys = st.sampled_from(["n", "a b", "in", 'quo"te', "\x00", "é", ""]) | st.integers(0, 3)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
leaves: st.SearchStrategy[Node] = (
    (scalars | st.binary(max_size=3)).map(Literal)
    | st.dictionaries(st.text(), scalars, max_size=2).map(Literal)
    | st.builds(Path, st.sampled_from(["event", "async"]), st.lists(keys, max_size=3).map(tuple))
)


def applications(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pair, single, three = st.tuples(inner, inner), st.tuples(inner), st.tuples(inner, inner, inner)
    variable = st.just(Local("item"))
    return (
        st.builds(Apply, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"]), pair)
        | st.builds(Apply, st.sampled_from(["!", "size", "lowerAscii", "int", "timestamp", "getHours"]), single)
        | st.builds(Apply, st.sampled_from(["contains", "matches", "split", "index"]), pair)
        | st.builds(Apply, st.just("?"), three)
        | st.builds(Apply, st.just("replace"), three)
        | st.builds(Apply, st.just("object"), st.tuples(st.text(max_size=3).map(Literal), inner))
        | st.builds(Apply, st.sampled_from(list(MACROS)), st.tuples(inner, variable, inner | variable))
        | st.builds(Apply, st.just("map"), st.tuples(inner, variable, inner, inner | variable))
        | st.builds(Apply, st.sampled_from(["&&", "||", "list"]), st.lists(inner, min_size=2, max_size=3).map(tuple))
    )


def is_key(value: object) -> bool:
    return isinstance(value, str) or (type(value) is int and value >= 0)


def flat(node: Any) -> Any:
    """The tree as the parser builds it: a chain that begins with the same chain is one chain."""
    if not isinstance(node, Apply):
        return node
    args = [flat(arg) for arg in node.args]
    if node.op == "index" and isinstance(args[0], Path) and isinstance(args[1], Literal) and is_key(args[1].value):
        return replace(args[0], keys=(*args[0].keys, args[1].value))
    while node.op in ("&&", "||") and isinstance(args[0], Apply) and args[0].op == node.op:
        args[:1] = args[0].args
    return Apply(node.op, tuple(args))


@given(st.recursive(leaves, applications, max_leaves=8))
@example(Apply("map", (Literal(-0.0), Local("item"), Literal(None), Local("item"))))
def test_a_tree_written_as_text_is_read_as_the_same_tree(node: Node) -> None:
    assert parse(render(node), max_length=10**6) == flat(node)
