"""What the operators of expressions mean for JSON values.

Comparing values of different types is false, never an error. Numbers compare by value (1 == 1.0). In ``<`` and its
like null counts as the zero of the other side's type, in arithmetic as 0. ``+`` joins text with any scalar.
"""

from collections.abc import Callable
from typing import Any

LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def truthy(value: Any) -> bool:
    """JavaScript's truthiness: null, false, 0 and empty text are not, empty lists and objects are."""
    return bool(value) or isinstance(value, (list, dict))


def equal(a: Any, b: Any) -> bool:
    """Equality of JSON values: numbers by value, true is not 1, nothing equals another type."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(value, b[key]) for key, value in a.items())
    return bool(a == b)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(a: Any, b: Any) -> bool:
        kind = _kind(b if a is None else a)
        if kind is None:
            return False
        a, b = (kind() if value is None else value for value in (a, b))
        return _kind(a) is _kind(b) and compare(a, b)

    return ordered


def _kind(value: Any) -> type[bool | float | str] | None:
    if isinstance(value, bool):
        return bool
    if isinstance(value, (int, float)):
        return float
    return str if isinstance(value, str) else None


def _add(a: Any, b: Any) -> Any:
    if isinstance(a, str) or isinstance(b, str):
        return _text(a) + _text(b)
    if a is None or b is None:
        return b if a is None else a
    return _number(a) + _number(b)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case str() | int() | float():
            return str(value)
    raise TypeError(f"a {type(value).__name__} does not join text")


def _number(value: Any) -> int | float:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r:.40} is not a number")
    return value


def _size(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, (str, list, dict)):
        return len(value)
    raise TypeError(f"{value!r:.40} has no size")


def _on_text(method: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: all(isinstance(arg, str) for arg in args) and method(*args)


def _is_in(item: Any, holder: Any) -> bool:
    if isinstance(holder, list):
        return any(equal(item, other) for other in holder)
    return isinstance(holder, dict) and isinstance(item, str) and item in holder


OPERATORS: dict[str, Callable[..., Any]] = {
    "==": equal,
    "!=": lambda a, b: not equal(a, b),
    "<": _ordered(lambda a, b: bool(a < b)),
    "<=": _ordered(lambda a, b: bool(a <= b)),
    ">": _ordered(lambda a, b: bool(a > b)),
    ">=": _ordered(lambda a, b: bool(a >= b)),
    "in": _is_in,
    "+": _add,
    "-": lambda a, b: _number(a) - _number(b),
    "*": lambda a, b: _number(a) * _number(b),
    "/": lambda a, b: _number(a) / _number(b),
    "!": lambda value: not truthy(value),
    "neg": lambda value: -_number(value),
    "size": _size,
    "contains": _on_text(lambda text, part: part in text),
    "startsWith": _on_text(str.startswith),
    "endsWith": _on_text(str.endswith),
    "lowerAscii": _on_text(lambda text: text.translate(LOWER)),
}
CAN_FAIL = frozenset({"+", "-", "*", "/", "neg", "size"})
BOOLEAN = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "!", "has", "contains", "startsWith", "endsWith"})
