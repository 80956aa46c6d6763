"""Which events a wait takes: planned once into an index key and a remainder, so that an event finds its waits by key.

A condition speaks of ``async``, the awaited event, and ``event``, the one that triggered the run. The second is known
when the wait begins, so its values are written into the plan.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from types import NoneType
from typing import Any

import orjson

from orchestrator.core.codec import encode
from orchestrator.core.errors import InvalidExpression, Unserialisable
from orchestrator.core.expressions import NOW, Expression
from orchestrator.core.functions import CLOCKS
from orchestrator.core.operators import BOOLEAN, truthy
from orchestrator.core.parser import check, parse
from orchestrator.core.syntax import (
    CHAINS,
    MACROS,
    Apply,
    Literal,
    Local,
    Node,
    Path,
    free_variables,
    paths_of,
    render,
    step_text,
)

MAX_KEYS = 4  # of a path that is indexed: data.user.address.city
MAX_KEY_LENGTH = 200  # of its text, and of a value's before it is hashed: the database's index holds about 2,700 bytes
MAX_REMAINDER, MAX_REMAINDER_DEPTH = 100_000, 100
MAX_TEXT = 500
EVENT_FIELDS = frozenset({"name", "data", "id", "ts", "user", "v"})
AWAITED, TRIGGER = "async", "event"


@dataclass(frozen=True, slots=True)
class Match:
    """``eq`` is the index key, empty if there is none; ``expr`` what is left to evaluate; ``text`` is for people."""

    eq: str
    expr: str | None
    text: str


def plan_match(match: str | None, trigger_event: Mapping[str, Any] | None) -> Match:
    """The plan of a wait. ``match`` is a path that must be equal in both events, or a condition.

    Paths that begin with neither ``async`` nor ``event`` are the awaited event's. Raises InvalidExpression.
    """
    if match is None:
        return Match("", None, "")
    conjuncts = _strict(list(_conjuncts(_bind(_condition(match), trigger_event, match))))
    text = render(_for_people(_joined(conjuncts)))
    shown = text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
    keys = [_equality(node) for node in conjuncts]
    # A boolean tells few events apart: anything else first.
    best = max(range(len(keys)), key=lambda at: (keys[at] != "", not keys[at].endswith(("=true", "=false")), -at))
    if keys[best]:
        del conjuncts[best]
    return Match(keys[best], _remainder(conjuncts, match), shown)


def equality_keys(event: Mapping[str, Any]) -> list[str]:
    """Every index key that an arriving event satisfies."""
    keys = [""]
    left: list[tuple[str, int, Mapping[str, Any]]] = [("", 1, event)]
    while left:
        above, depth, holder = left.pop()
        for name, value in holder.items():
            if len(name) > MAX_KEY_LENGTH:
                continue
            path = above + step_text(name)
            if isinstance(value, dict):
                if depth < MAX_KEYS:
                    left.append((path, depth + 1, value))
            elif key := _key(path, value):
                keys.append(key)
    return keys


def accepts(expr: str | None, event: Mapping[str, Any], now: datetime | None = None) -> bool:
    """True if an event that has a plan's key also satisfies what the key does not say.

    ``now`` is what now() says in it, the event's own ``ts`` if it is not given.
    """
    return expr is None or _compiled(expr).truth({AWAITED: event} if now is None else {AWAITED: event, NOW: now})


@lru_cache(maxsize=512)  # a remainder may be long
def _compiled(expr: str) -> Expression:
    return Expression(expr, parse(expr, max_length=MAX_REMAINDER, max_depth=MAX_REMAINDER_DEPTH))


@lru_cache(maxsize=2048)
def _condition(match: str) -> Node:
    """The condition with a root for every path; a path alone says that it is equal in both events."""
    node = parse(match)
    check(node)
    if isinstance(node, Path) and node.root not in (AWAITED, TRIGGER):
        awaited = _rooted(node, match)
        return Apply("==", (awaited, Path(TRIGGER, awaited.keys)))
    return _map_paths(node, lambda path: path if path.root in (AWAITED, TRIGGER) else _rooted(path, match))


def _rooted(path: Path, match: str) -> Path:
    if path.root not in EVENT_FIELDS:
        known = "async (the awaited event), event (the trigger) and data"
        raise InvalidExpression(f"no value is named {path.root!r} in {match!r:.200}: known are {known}", path.position)
    return replace(path, root=AWAITED, keys=(path.root, *path.keys))


def _map_paths(node: Node, change: Callable[[Path], Node]) -> Node:
    if isinstance(node, Path) and not isinstance(node, Local):
        return change(node)
    if isinstance(node, Apply):
        return Apply(node.op, tuple(_map_paths(arg, change) for arg in node.args), node.position)
    return node


def _bind(node: Node, trigger: Mapping[str, Any] | None, match: str) -> Node:
    """Writes the trigger's values into the condition, and the values of all that is known with them."""
    if not isinstance(node, Apply):
        return _value(node, trigger, match) if isinstance(node, Path) and node.root == TRIGGER else node
    if node.op == "has" and (isinstance(node.args[0], Path) or not _is_mixed(node)):
        roots = {path.root for path in paths_of(node)}
        return _value(node, trigger, match) if roots == {TRIGGER} and not free_variables(node) else node
    bound = Apply(node.op, tuple(_bind(arg, trigger, match) for arg in node.args), node.position)
    return _folded(bound) if _is_known(bound) else bound


def _is_mixed(node: Node) -> bool:
    return {path.root for path in paths_of(node)} == {AWAITED, TRIGGER} or bool(free_variables(node))


def _is_known(node: Apply) -> bool:
    """True if no event is needed to compute it. What is in a list literal stays readable; a clock goes on."""
    if node.op in MACROS:
        return not any(True for _ in paths_of(node)) and not free_variables(node) and not _has_clock(node)
    return node.op not in ("list", "object", "has", *CLOCKS) and all(isinstance(arg, Literal) for arg in node.args)


def _has_clock(node: Node) -> bool:
    return isinstance(node, Apply) and (node.op in CLOCKS or any(map(_has_clock, node.args)))


def _folded(node: Apply) -> Node:
    try:
        value = Expression("", node).raw({})
        encode(value)
    except (InvalidExpression, Unserialisable):
        return node  # it cannot be computed: that is an error only if the condition gets to it
    return Literal(value) if isinstance(value, (bool, int, float, str, list, dict, NoneType)) else node


def _value(node: Node, trigger: Mapping[str, Any] | None, match: str) -> Literal:
    if trigger is None:
        raise InvalidExpression(f"match {match!r:.200} speaks of the event that triggered the run, but none did")
    value = Expression("", node).evaluate({TRIGGER: trigger})
    try:
        encode(value)
    except Unserialisable as error:
        raise InvalidExpression(f"match {match!r:.200} compares with what is no JSON value: {error}") from error
    return Literal(value)


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, Apply) and node.op == "&&":
        for arg in node.args:
            yield from _conjuncts(arg)
    else:
        yield node


def _strict(conjuncts: list[Node]) -> list[Node]:
    """The same condition in an order that does not matter: only the last had to be true itself, not just truthy."""
    *before, last = conjuncts
    strict = [*map(_truthiness, before), _identity(last)]
    return [node for node in strict if not _is_true(node)] or [Literal(True)]


def _truthiness(node: Node) -> Node:
    if isinstance(node, Literal):
        return Literal(truthy(node.value))
    return node if _is_boolean(node) else Apply("!", (Apply("!", (node,)),))


def _identity(node: Node) -> Node:
    if isinstance(node, Literal):
        return Literal(node.value is True)
    return node if _is_boolean(node) else Apply("==", (node, Literal(True)))


def _is_boolean(node: Node) -> bool:
    if isinstance(node, Apply):
        return node.op in BOOLEAN or (node.op in CHAINS and all(map(_is_boolean, node.args)))
    return isinstance(node, Literal) and isinstance(node.value, bool)


def _is_true(node: Node) -> bool:
    return isinstance(node, Literal) and node.value is True


def _joined(conjuncts: list[Node]) -> Node:
    return conjuncts[0] if len(conjuncts) == 1 else Apply("&&", tuple(conjuncts))


def _remainder(conjuncts: list[Node], match: str) -> str | None:
    if all(map(_is_true, conjuncts)):
        return None
    text = render(_joined(conjuncts))
    if len(text) > MAX_REMAINDER:
        raise InvalidExpression(f"match {match!r:.200} compares with values of over {MAX_REMAINDER} characters")
    _compiled(text)  # what cannot be read again is the author's to know, not the event's
    return text


def _for_people(node: Node) -> Node:
    def without_root(path: Path) -> Path:
        named = path.root == AWAITED and path.keys and isinstance(path.keys[0], str)
        return Path(str(path.keys[0]), path.keys[1:]) if named else path

    return _map_paths(node, without_root)


def _equality(node: Node) -> str:
    """The index key of a condition that says nothing but an equality, else empty."""
    match node:
        case Apply("==", (Path(root, keys), Literal(value)) | (Literal(value), Path(root, keys))) if root == AWAITED:
            names = [key for key in keys if isinstance(key, str)]
            if 0 < len(names) == len(keys) <= MAX_KEYS:
                return _key("".join(map(step_text, names)), value)
    return ""


def _key(path: str, value: Any) -> str:
    """``path=value``; empty if it cannot be indexed. null cannot: it equals what is not there."""
    if len(path) > MAX_KEY_LENGTH:
        return ""
    match value:
        case str() | bool():
            text = orjson.dumps(value).decode()
        case float() if not value.is_integer():
            text = repr(value)
        case int() | float():
            text = str(int(value))  # 1 and 1.0 are equal
        case _:
            return ""
    if len(text) > MAX_KEY_LENGTH:
        text = "#" + blake2b(text.encode(), digest_size=16).hexdigest()
    return f"{path.removeprefix('.')}={text}"
