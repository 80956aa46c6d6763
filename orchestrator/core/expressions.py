"""Expressions over JSON documents, for ``if``, ``match`` and keys: Inngest's lax dialect of CEL.

A path that leads nowhere is null. ``&&``, ``||``, ``!`` and ``? :`` take any value by JavaScript's truthiness, and the
first two give the operand that decided. What the other operators mean is in ``operators``. docs/expressions.md is the
description for authors.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from orchestrator.core.errors import InvalidExpression
from orchestrator.core.functions import CLOCKS, FUNCTIONS
from orchestrator.core.macros import MAX_STEPS, STEPS, compile_macro
from orchestrator.core.operators import CANNOT_FAIL, MISSING, OPERATORS, item, text_of, truthy
from orchestrator.core.parser import check, parse
from orchestrator.core.syntax import MACROS, Apply, Literal, Node, Path, paths_of

ROOTS = frozenset({"event", "async"})
NOW = "now()"  # where a scope may say the moment of the evaluation; else it is the event's ts
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FAULTS = (TypeError, ValueError, ArithmeticError)

Scope = Mapping[str, Any]
Run = Callable[[Scope], Any]


class Expression:
    """A compiled expression."""

    __slots__ = ("_run", "node", "paths", "text")

    def __init__(self, text: str, node: Node) -> None:
        self.text = text
        self.node = node
        self.paths = frozenset(str(path) for path in paths_of(node))
        run = compile_node(node)
        self._run = _budgeted(run) if any(op in MACROS for op in _operations(node)) else run

    def evaluate(self, scope: Scope) -> Any:
        """The value over the documents of ``scope``, as JSON. Raises InvalidExpression for what cannot be computed."""
        return plain(self._run(scope))

    def raw(self, scope: Scope) -> Any:
        """The value as it is inside of expressions, where there are moments, lengths of time, bytes and MISSING."""
        return self._run(scope)

    def truth(self, scope: Scope) -> bool:
        """True only if the value is the boolean true: an error and any other value are no match."""
        try:
            return self._run(scope) is True
        except InvalidExpression:
            return False

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


@lru_cache(maxsize=4096)
def compile_expression(text: str, roots: frozenset[str] = ROOTS) -> Expression:
    """The expression that ``text`` says, cached; its paths begin with one of ``roots``. Raises InvalidExpression."""
    node = parse(text)
    check(node)
    for path in paths_of(node):
        if path.root not in roots:
            known = " and ".join(sorted(roots, reverse=True))
            raise InvalidExpression(
                f"no value is named {path.root!r} in {text!r:.200}: known are {known}", path.position
            )
    return Expression(text, node)


def plain(value: Any) -> Any:
    """A value as JSON has it: moments, lengths of time and bytes are text, what is missing is null."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return list(map(plain, value))
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return text_of(value) if isinstance(value, (datetime, timedelta)) else None


def _operations(node: Node) -> Iterator[str]:
    if isinstance(node, Apply):
        yield node.op
        for arg in node.args:
            yield from _operations(arg)


def _budgeted(run: Run) -> Run:
    return lambda scope: run({**scope, STEPS: [MAX_STEPS]})


def compile_node(node: Node) -> Run:
    if isinstance(node, Literal):
        value = node.value
        return lambda scope: value
    if isinstance(node, Path):
        return _compile_path(node)
    args = [compile_node(arg) for arg in node.args]
    match node.op:
        case "&&":
            return _compile_chain(args, stop_at=False)
        case "||":
            return _compile_chain(args, stop_at=True)
        case "?":
            return _compile_choice(*args)
        case "has":
            return _compile_has(node)
    if node.op in MACROS:
        variable = node.args[1]
        assert isinstance(variable, Path)  # the parser puts nothing else there
        return _guarded(node, compile_macro(node.op, args[0], variable.root, args[2:]))
    if fast := _compare_with_literal(node, args):
        return fast
    return _compile_eager(node, args)


def _compile_chain(args: list[Run], *, stop_at: bool) -> Run:
    *before, last = args
    if len(before) == 1:
        return _compile_pair(before[0], last, stop_at=stop_at)

    def chain(scope: Scope) -> Any:
        for arg in before:
            value = arg(scope)
            if truthy(value) is stop_at:
                return value is not MISSING and value
        value = last(scope)
        return value is not MISSING and value

    return chain


def _compile_pair(first: Run, second: Run, *, stop_at: bool) -> Run:
    def pair(scope: Scope) -> Any:
        value = first(scope)
        if (value if value is True or value is False else truthy(value)) is not stop_at:
            value = second(scope)
        return value is not MISSING and value

    return pair


def _compile_choice(asked: Run, yes: Run, no: Run) -> Run:
    return lambda scope: yes(scope) if truthy(asked(scope)) else no(scope)


def _compare_with_literal(node: Apply, args: list[Run]) -> Run | None:
    """The comparisons that conditions mostly consist of, without a call for each."""
    if node.op not in COMPARISONS or not isinstance(node.args[1], Literal):
        return None
    left, literal = args[0], node.args[1].value
    of_all, quick = OPERATORS[node.op], COMPARISONS[node.op]
    if isinstance(literal, str) and node.op in ("==", "!="):
        return lambda scope: quick(left(scope), literal)
    if type(literal) not in (int, float):
        return None

    def with_number(scope: Scope) -> Any:
        value = left(scope)
        kind = type(value)
        return quick(value, literal) if kind is int or kind is float else of_all(value, literal)

    return with_number


def _compile_eager(node: Apply, args: list[Run]) -> Run:
    if node.op in CLOCKS:
        apply: Callable[..., Any] = CLOCKS[node.op].run
        args = [_moment, *args]
    else:
        apply = OPERATORS.get(node.op) or FUNCTIONS[node.op]
    run = _apply(apply, args)
    return run if node.op in CANNOT_FAIL else _guarded(node, run)


def _moment(scope: Scope) -> Any:
    if NOW in scope:
        return scope[NOW]
    document = scope.get("async") or scope.get("event")
    return document.get("ts") if isinstance(document, Mapping) else None


def _guarded(node: Apply, run: Run) -> Run:
    def guarded(scope: Scope) -> Any:
        try:
            return run(scope)
        except InvalidExpression:
            raise
        except FAULTS as error:
            raise InvalidExpression(f"{node.op} cannot be done: {error}", node.position) from None

    return guarded


def _apply(apply: Callable[..., Any], args: list[Run]) -> Run:
    if len(args) == 1:
        (only,) = args
        return lambda scope: apply(only(scope))
    if len(args) == 2:
        left, right = args
        return lambda scope: apply(left(scope), right(scope))
    return lambda scope: apply(*[arg(scope) for arg in args])


def _compile_path(path: Path) -> Run:
    root, keys = path.root, path.keys

    def follow(scope: Scope) -> Any:
        value: Any = scope.get(root, MISSING)
        try:
            for key in keys:
                value = value[key]
        except (KeyError, TypeError, IndexError):
            return MISSING
        return value

    def follow_into_lists(scope: Scope) -> Any:
        value: Any = scope.get(root, MISSING)
        for key in keys:
            value = item(value, key)
        return value

    return follow if all(isinstance(key, str) for key in keys) else follow_into_lists


def _compile_has(node: Apply) -> Run:
    (asked,) = node.args
    if isinstance(asked, Path):
        if not asked.keys:
            return lambda scope: asked.root in scope
        run = _compile_path(asked)
    else:
        run = compile_node(asked)
    return lambda scope: run(scope) is not MISSING
