"""What the operators of expressions mean for JSON values.

Values of different types are unequal and not ordered, never an error. Numbers compare by value (1 == 1.0). A path
that leads nowhere gives MISSING: it equals null and nothing else, and is less than everything. In ``<`` and its like
null counts as the zero of the other side's type. ``+`` joins text with any scalar.
"""

import math
import operator
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

LARGEST = 2**64  # of whole numbers
LONGEST_TEXT = 100_000  # that + and the functions may build
EXPONENT_FROM = 1e21  # as Go writes numbers


class Missing:
    """The value of a path that leads nowhere."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()


def truthy(value: Any) -> bool:
    """JavaScript's truthiness: null, false, 0 and empty text are not, empty lists and objects are."""
    return bool(value) or isinstance(value, (list, dict))


def equal(a: Any, b: Any) -> bool:
    """Equality of values: numbers by value, true is not 1, nothing equals another type."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(value, b[key]) for key, value in a.items())
    if a is MISSING or b is MISSING:
        return a is None or b is None
    return bool(a == b)


def _ordered(compare: Callable[[Any, Any], bool], *, missing_first: bool) -> Callable[[Any, Any], bool]:
    def ordered(a: Any, b: Any) -> bool:
        if a is MISSING:
            return missing_first
        if b is MISSING:
            return not missing_first
        kind = _kind(b if a is None else a)
        if kind is None:
            return False
        a, b = (_zero(kind) if value is None else value for value in (a, b))
        return _kind(a) is kind and _kind(b) is kind and compare(a, b)

    return ordered


def _kind(value: Any) -> type | None:
    """What a value is ordered with; none if it has no order."""
    if isinstance(value, bool):
        return bool
    if isinstance(value, (int, float)):
        return float
    return next((kind for kind in (str, bytes, datetime, timedelta) if isinstance(value, kind)), None)


def _zero(kind: type) -> Any:
    return datetime.min.replace(tzinfo=UTC) if kind is datetime else kind()


def _nothing(value: Any) -> bool:
    return value is None or value is MISSING


def add(a: Any, b: Any) -> Any:
    """The sum of numbers, lists or times; text with any scalar. Nothing adds nothing."""
    if isinstance(a, str) or isinstance(b, str):
        return within(text_of(a) + text_of(b))
    if _nothing(a) or _nothing(b):
        either = b if _nothing(a) else a
        return False if _nothing(either) else either
    if type(a) is type(b) and isinstance(a, (list, bytes)):
        return within(operator.add(a, b))
    if isinstance(a, (datetime, timedelta)) or isinstance(b, (datetime, timedelta)):
        return a + b
    return bounded(number(a) + number(b))


def within(built: Any) -> Any:
    """What was built, if it is not too long."""
    if len(built) > LONGEST_TEXT:
        raise ValueError(f"the result is longer than {LONGEST_TEXT}")
    return built


def bounded(result: int | float) -> int | float:
    """A number that a JSON document can hold."""
    if isinstance(result, int):
        if not -LARGEST < result < LARGEST:
            raise ArithmeticError("the result is too large a number")
    elif not math.isfinite(result):
        raise ArithmeticError("the result is no finite number")
    return result


def text_of(value: Any) -> str:
    """A scalar as ``+`` and string() write it; nothing is empty text."""
    if isinstance(value, str):
        return value
    if _nothing(value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < EXPONENT_FROM:
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return f"{text_of(value.total_seconds())}s"
    raise TypeError(f"a {type(value).__name__} does not join text")


def number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r:.40} is not a number")
    return value


def _arithmetic(compute: Callable[[Any, Any], Any], *times: tuple[type, type]) -> Callable[[Any, Any], Any]:
    """Of numbers, and of the pairs of times that ``compute`` knows too; with nothing it is false."""

    def run(a: Any, b: Any) -> Any:
        if _nothing(a) or _nothing(b):
            return False
        if any(isinstance(a, left) and isinstance(b, right) for left, right in times):
            return compute(a, b)
        return bounded(compute(number(a), number(b)))

    return run


def _remainder(a: Any, b: Any) -> int | float:
    """With the sign of ``a``, as in Go and C."""
    if b == 0:
        raise ArithmeticError("division by zero")
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) % abs(b) * (1 if a >= 0 else -1)
    return math.fmod(a, b)


def _negative(value: Any) -> Any:
    if _nothing(value):
        return False
    return -value if isinstance(value, timedelta) else -number(value)


def _is_in(item: Any, holder: Any) -> bool:
    if isinstance(holder, list):
        return item is not MISSING and any(equal(item, other) for other in holder)
    return isinstance(holder, dict) and isinstance(item, str) and item in holder


def item(holder: Any, key: Any) -> Any:
    """What ``holder[key]`` is: of a list by position, of an object by text."""
    if isinstance(holder, dict):
        return holder.get(key, MISSING) if isinstance(key, str) else MISSING
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    inside = isinstance(holder, list) and type(key) is int and 0 <= key < len(holder)
    return holder[key] if inside else MISSING


def _object(*parts: Any) -> dict[str, Any]:
    names, values = parts[::2], parts[1::2]
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise TypeError(f"{wrong[0]!r:.40} is no key: keys of objects are text")
    return dict(zip(names, map(known, values), strict=True))


def known(value: Any) -> Any:
    """A value that may stand in a list or an object: there what is missing is null."""
    return None if value is MISSING else value


TIMES = ((datetime, datetime), (datetime, timedelta), (timedelta, timedelta))
OPERATORS: dict[str, Callable[..., Any]] = {
    "==": equal,
    "!=": lambda a, b: not equal(a, b),
    "<": _ordered(operator.lt, missing_first=True),
    "<=": _ordered(operator.le, missing_first=True),
    ">": _ordered(operator.gt, missing_first=False),
    ">=": _ordered(operator.ge, missing_first=False),
    "in": _is_in,
    "+": add,
    "-": _arithmetic(operator.sub, *TIMES),
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(operator.truediv),
    "%": _arithmetic(_remainder),
    "!": lambda value: not truthy(value),
    "neg": _negative,
    "list": lambda *values: list(map(known, values)),
    "object": _object,
    "index": item,
}
CANNOT_FAIL = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "!", "list", "index"})
BOOLEAN = frozenset(
    {"==", "!=", "<", "<=", ">", ">=", "in", "!", "has", "contains", "startsWith", "endsWith", "matches"}
    | {"exists", "exists_one", "all"}
)
