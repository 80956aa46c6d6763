"""The functions and methods of expressions.

Given nothing (null, or a path that leads nowhere) for its first value a function is false; size is 0. A method of text
that gets something else is false too. What cannot be converted raises TypeError or ValueError.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.core import conversions, patterns
from orchestrator.core.operators import MISSING, within

LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
UPPER = {code + 32: code for code in LOWER}
BLANKS = " \t\n\v\f\r\x85\xa0\u2028\u2029"


@dataclass(frozen=True, slots=True)
class Function:
    """``takes``: the fewest and the most values, the receiver of a method included."""

    run: Callable[..., Any]
    takes: tuple[int, int] = (1, 1)
    is_method: bool = False
    of_nothing: Any = False

    def __call__(self, *values: Any) -> Any:
        if values and (values[0] is None or values[0] is MISSING):
            return self.of_nothing
        return self.run(*values)


def _size(value: Any) -> int:
    if isinstance(value, (str, list, dict, bytes)):
        return len(value)
    raise TypeError(f"{value!r:.40} has no size")


def _text(method: Callable[..., Any], least: int = 1, most: int = 0) -> Function:
    """A method of text. A position counts characters from 0."""

    def run(text: Any, *others: Any) -> Any:
        if not isinstance(text, str):
            return False
        whole = [int(o) if isinstance(o, float) and o.is_integer() else o for o in others]
        return method(text, *whole)

    return Function(run, (least, most or least), is_method=True)


def _of_text(method: Callable[..., Any]) -> Function:
    """A method of text with text, false for anything else."""
    return _text(lambda text, other: isinstance(other, str) and method(text, other), 2)


def _function(run: Callable[[str], Any]) -> Function:
    return Function(lambda text: isinstance(text, str) and run(text))


def _position(text: str, at: Any) -> int:
    if type(at) is not int or not 0 <= at <= len(text):
        raise ValueError(f"{at!r:.40} is no position in a text of {len(text)} characters")
    return at


def _substring(text: str, start: Any, end: Any = None) -> str:
    start, end = _position(text, start), _position(text, len(text) if end is None else end)
    if start > end:
        raise ValueError(f"the start {start} is after the end {end}")
    return text[start:end]


def _index_of(text: str, part: Any, start: Any = 0) -> int:
    return text.find(_part(part), _position(text, start))


def _last_index_of(text: str, part: Any) -> int:
    return text.rfind(_part(part))


def _part(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is not text")
    return value


def _count(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r:.40} is not a whole number")
    return value


def _split(text: str, by: Any, limit: Any = -1) -> list[str]:
    by, limit = _part(by), _count(limit)
    if limit == 0:
        return []
    if not by:
        return [*text[: limit - 1], text[limit - 1 :]] if 0 < limit < len(text) else list(text)
    return text.split(by, -1 if limit < 0 else limit - 1)


def _replace(text: str, old: Any, new: Any, limit: Any = -1) -> str:
    old, new, limit = _part(old), _part(new), _count(limit)
    times = text.count(old) if limit < 0 else min(limit, text.count(old))
    within(range(len(text) + times * (len(new) - len(old))))  # before it is built
    return text.replace(old, new, limit)


def _join(values: Any, by: Any = "") -> Any:
    if not isinstance(values, list):
        return False
    parts = list(map(_part, values))
    within(range(sum(map(len, parts)) + len(_part(by)) * len(parts)))
    return by.join(parts)


def _base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise ValueError("that is no base64 of UTF-8 text") from None


FUNCTIONS: dict[str, Function] = {
    "size": Function(_size, of_nothing=0),
    "json_parse": _function(orjson.loads),
    "b64decode": _function(_base64),
    "lowercase": _function(str.lower),
    "uppercase": _function(str.upper),
    "lowerAscii": _text(lambda text: text.translate(LOWER)),
    "upperAscii": _text(lambda text: text.translate(UPPER)),
    "trim": _text(lambda text: text.strip(BLANKS)),
    "contains": _of_text(lambda text, part: part in text),
    "startsWith": _of_text(str.startswith),
    "endsWith": _of_text(str.endswith),
    "matches": _of_text(patterns.found),
    "substring": _text(_substring, 2, 3),
    "charAt": _text(lambda text, at: text[_position(text, at) : at + 1], 2),
    "indexOf": _text(_index_of, 2, 3),
    "lastIndexOf": _text(_last_index_of, 2),
    "split": _text(_split, 2, 3),
    "replace": _text(_replace, 3, 4),
    "join": Function(_join, (1, 2), is_method=True),
    **{name: Function(run) for name, run in conversions.CASTS.items()},
    **{name: Function(run, (1, 2), is_method=True) for name, run in conversions.PARTS.items()},
}
# These speak of the moment of the evaluation, which is the first of their values.
CLOCKS: dict[str, Function] = {
    "now": Function(conversions.now, (0, 0)),
    "now_plus": Function(lambda now, length: conversions.now(now) + conversions.duration(length)),
    "now_minus": Function(lambda now, length: conversions.now(now) - conversions.duration(length)),
}
# Whether they can make anything of a literal is known before any event comes.
CHECKED = frozenset({"json_parse", "b64decode", *conversions.CASTS} - {"string"})
