"""The tree of an expression, and how it is written as text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from orchestrator.core.functions import FUNCTIONS

TERNARY = "?"
POWERS = {
    TERNARY: 1,
    "||": 2,
    "&&": 3,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 4),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("*", "/", "%"), 6),
}
UNARY_POWER, ATOM_POWER = 7, 8
CHAINS = ("&&", "||")
MACROS = {"all": (3, 3), "exists": (3, 3), "exists_one": (3, 3), "map": (3, 4), "filter": (3, 3)}  # values they take


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Path:
    """A place in a document: the name of the document, then keys of objects and positions in lists."""

    root: str
    keys: tuple[str | int, ...] = ()
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return path_text((self.root, *self.keys))


@dataclass(frozen=True, slots=True)
class Local(Path):
    """A place in what the variable of a macro holds: ``item`` in ``items.exists(item, item.paid)``."""


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator, function, method or macro with what it is applied to, the receiver of a method first.

    ``op`` "neg" is the minus before a value, "index" is ``[key]`` after what is no path.
    """

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
    """Every path into a document, repeats included."""
    if isinstance(node, Path):
        if not isinstance(node, Local):
            yield node
    elif isinstance(node, Apply):
        for arg in node.args:
            yield from paths_of(arg)


def path_text(keys: tuple[str | int, ...]) -> str:
    """Keys as an expression writes them: ``data.items[0]["a b"]``."""
    return "".join(map(step_text, keys)).removeprefix(".")


def free_variables(node: Node) -> frozenset[str]:
    """The variables of macros around a tree that it speaks of."""
    if isinstance(node, Local):
        return frozenset({node.root})
    if not isinstance(node, Apply):
        return frozenset()
    if node.op not in MACROS:
        return frozenset[str]().union(*map(free_variables, node.args))
    over, variable, *bodies = node.args
    inside = frozenset[str]().union(*map(free_variables, bodies))
    return free_variables(over) | (inside - free_variables(variable))


@lru_cache(maxsize=4096)  # the keys of events are few
def step_text(key: str | int) -> str:
    """One key as it follows others: ``.items``, ``[0]``, ``["a b"]``."""
    return f".{key}" if isinstance(key, str) and key.isidentifier() and key.isascii() else f"[{_json(key)}]"


def render(node: Node) -> str:
    """Text that parses to the tree again."""
    if isinstance(node, Literal):
        return _literal(node.value)
    if isinstance(node, Path):
        return str(node)
    op, args = node.op, node.args
    if op == TERNARY:
        asked, yes, no = args
        return f"{_inside(asked, 1)} ? {_inside(yes, 1)} : {render(no)}"
    if op in POWERS:
        return f" {op} ".join(_inside(arg, POWERS[op]) for arg in args)
    if op in ("!", "neg"):
        return ("!" if op == "!" else "-") + _inside(args[0], UNARY_POWER - 1)
    listed = list(map(render, args))
    if op == "object":
        return "{" + ", ".join(map("{}: {}".format, listed[::2], listed[1::2])) + "}"
    if op == "list":
        return f"[{', '.join(listed)}]"
    if op == "index":
        return f"{_inside(args[0], UNARY_POWER)}[{listed[1]}]"
    if op in MACROS or (op in FUNCTIONS and FUNCTIONS[op].is_method):
        return f"{_inside(args[0], UNARY_POWER)}.{op}({', '.join(listed[1:])})"
    return f"{op}({', '.join(listed)})"


def _literal(value: Any) -> str:
    if isinstance(value, bytes):
        return 'b"' + "".join(f"\\x{byte:02x}" for byte in value) + '"'
    return f"json_parse({_json(_json(value))})" if isinstance(value, (list, dict)) else _json(value)


def _inside(node: Node, power: int) -> str:
    text = render(node)
    return text if _power(node) > power else f"({text})"


def _power(node: Node) -> int:
    if isinstance(node, Apply):
        return POWERS.get(node.op, UNARY_POWER if node.op in ("!", "neg") else ATOM_POWER)
    # By its sign: minus zero is not below zero, and is written with one.
    negative = isinstance(node, Literal) and isinstance(node.value, (int, float)) and str(node.value).startswith("-")
    return UNARY_POWER if negative else ATOM_POWER


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
