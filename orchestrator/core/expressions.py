"""Expressions for ``if`` and ``match``: a small language over JSON, lax as Inngest's dialect of CEL is.

A path that leads nowhere is null. ``&&``, ``||`` and ``!`` take any value by JavaScript's truthiness, and the first
two give the operand that decided. What the other operators mean is in ``operators``.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from orchestrator.core.errors import InvalidExpression
from orchestrator.core.operators import CAN_FAIL, OPERATORS, truthy
from orchestrator.core.parser import parse
from orchestrator.core.syntax import Apply, Literal, Node, Path, paths_of

ROOTS = frozenset({"event", "async"})

Scope = Mapping[str, Any]
Run = Callable[[Scope], Any]


class Expression:
    """A compiled expression."""

    __slots__ = ("_run", "node", "paths", "text")

    def __init__(self, text: str, node: Node) -> None:
        self.text = text
        self.node = node
        self.paths = frozenset(str(path) for path in paths_of(node))
        self._run = _compile(node)

    def evaluate(self, scope: Scope) -> Any:
        """The value over the documents of ``scope``. Raises InvalidExpression, for arithmetic that cannot be done."""
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
    for path in paths_of(node):
        if path.root not in roots:
            found = re.search(rf"(?<![\w.]){re.escape(path.root)}\b", text)
            known = " and ".join(sorted(roots, reverse=True))
            raise InvalidExpression(
                f"no value is named {path.root!r} in {text!r:.200}: known are {known}", found.start() if found else 0
            )
    return Expression(text, node)


def _compile(node: Node) -> Run:
    if isinstance(node, Literal):
        value = node.value
        return lambda scope: value
    if isinstance(node, Path):
        return _compile_path(node)
    args = [_compile(arg) for arg in node.args]
    match node.op:
        case "&&":
            return _compile_chain(args, stop_at=False)
        case "||":
            return _compile_chain(args, stop_at=True)
        case "list":
            return lambda scope: [arg(scope) for arg in args]
        case "has":
            return _compile_has(node)
    return _compile_eager(node, args)


def _compile_chain(args: list[Run], *, stop_at: bool) -> Run:
    *before, last = args

    def chain(scope: Scope) -> Any:
        for arg in before:
            value = arg(scope)
            if truthy(value) is stop_at:
                return value
        return last(scope)

    return chain


def _compile_eager(node: Apply, args: list[Run]) -> Run:
    run = _apply(OPERATORS[node.op], args)
    if node.op not in CAN_FAIL:
        return run

    def guarded(scope: Scope) -> Any:
        try:
            return run(scope)
        except (TypeError, ArithmeticError) as error:
            raise InvalidExpression(f"{node.op} cannot be done: {error}", node.position) from None

    return guarded


def _apply(operator: Callable[..., Any], args: list[Run]) -> Run:
    if len(args) == 1:
        (only,) = args
        return lambda scope: operator(only(scope))
    left, right = args
    return lambda scope: operator(left(scope), right(scope))


def _compile_path(path: Path) -> Run:
    root, keys = path.root, path.keys

    def follow(scope: Scope) -> Any:
        value: Any = scope.get(root)
        try:
            for key in keys:
                value = value[key]
        except (KeyError, TypeError, IndexError):
            return None
        return value

    def follow_into_lists(scope: Scope) -> Any:
        value: Any = scope.get(root)
        try:
            for key in keys:
                if isinstance(value, str):
                    return None  # text has no items here
                value = value[key]
        except (KeyError, TypeError, IndexError):
            return None
        return value

    return follow if all(isinstance(key, str) for key in keys) else follow_into_lists


def _compile_has(node: Apply) -> Run:
    (path,) = node.args
    assert isinstance(path, Path)  # the parser lets nothing else in
    if not path.keys:
        return lambda scope: path.root in scope
    holder, last = _compile_path(Path(path.root, path.keys[:-1])), path.keys[-1]

    def has(scope: Scope) -> bool:
        value = holder(scope)
        if isinstance(last, int):
            return isinstance(value, list) and last < len(value)
        return isinstance(value, Mapping) and last in value

    return has
