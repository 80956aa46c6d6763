"""The tree of an expression, and how it is written as text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

POWERS = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/"), 5),
}
UNARY_POWER, ATOM_POWER = 6, 7
CHAINS = ("&&", "||")
METHODS = {"contains": 1, "startsWith": 1, "endsWith": 1, "lowerAscii": 0}  # name: number of arguments


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Path:
    """A place in a document: the name of the document, then keys of objects and positions in lists."""

    root: str
    keys: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        return path_text((self.root, *self.keys))


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator, function or method with what it is applied to. ``op`` "neg" is the minus before a value."""

    op: str
    args: "tuple[Node, ...]"
    position: int = field(default=0, compare=False)
    height: int = field(default=1, init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "height", 1 + max((height(arg) for arg in self.args), default=0))


Node = Literal | Path | Apply


def height(node: Node) -> int:
    """The number of levels of a tree."""
    return node.height if isinstance(node, Apply) else 1


def paths_of(node: Node) -> Iterator[Path]:
    """Every path in a tree, repeats included."""
    if isinstance(node, Path):
        yield node
    elif isinstance(node, Apply):
        for arg in node.args:
            yield from paths_of(arg)


def path_text(keys: tuple[str | int, ...]) -> str:
    """Keys as an expression writes them: ``data.items[0]["a b"]``."""
    return "".join(map(step_text, keys)).removeprefix(".")


@lru_cache(maxsize=4096)  # the keys of events are few
def step_text(key: str | int) -> str:
    """One key as it follows others: ``.items``, ``[0]``, ``["a b"]``."""
    return f".{key}" if isinstance(key, str) and key.isidentifier() and key.isascii() else f"[{_json(key)}]"


def render(node: Node) -> str:
    """Text that parses to the tree again."""
    if isinstance(node, Literal):
        return f"json_parse({_json(_json(node.value))})" if isinstance(node.value, (list, dict)) else _json(node.value)
    if isinstance(node, Path):
        return str(node)
    op, args = node.op, node.args
    if op in POWERS:
        return f" {op} ".join(_inside(arg, POWERS[op]) for arg in args)
    if op in ("!", "neg"):
        return ("!" if op == "!" else "-") + _inside(args[0], UNARY_POWER - 1)
    if op in METHODS:
        return f"{_inside(args[0], UNARY_POWER)}.{op}({', '.join(map(render, args[1:]))})"
    listed = ", ".join(map(render, args))
    return f"[{listed}]" if op == "list" else f"{op}({listed})"


def _inside(node: Node, power: int) -> str:
    text = render(node)
    return text if _power(node) > power else f"({text})"


def _power(node: Node) -> int:
    if isinstance(node, Apply):
        return POWERS.get(node.op, UNARY_POWER if node.op in ("!", "neg") else ATOM_POWER)
    negative = isinstance(node, Literal) and isinstance(node.value, (int, float)) and node.value < 0
    return UNARY_POWER if negative else ATOM_POWER


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
