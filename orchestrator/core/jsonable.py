"""What JSON can hold: one level of lowering for richer values, and the search for the place that cannot be held."""

import json
import math
from dataclasses import fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from inspect import isawaitable
from pathlib import PurePath
from typing import Any, NoReturn

import orjson
from pydantic import BaseModel

from orchestrator.core.errors import Unserialisable

MAX_DEPTH = 250  # orjson's own limit is 254
INNOCENT = frozenset({str, int, bool, type(None)})
MIN_INT, MAX_INT = -(2**63), 2**64 - 1

Trail = tuple[Any, str | int] | None  # the way to a value, innermost last; text only when it is needed

WAYS_OUT: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((set, frozenset), "return a list: sorted(value)"),
    ((bytes, bytearray, memoryview), "return text (base64), or store the bytes and return where they are"),
    (Decimal, "return str(value) to keep it exact, or float(value)"),
    (timedelta, "return value.total_seconds()"),
    (PurePath, "return str(value)"),
    (BaseException, "raise it, or return str(value)"),
    (type, "return an instance or its name"),
)
ANY_WAY_OUT = "return plain JSON values, a dataclass or a pydantic model"


def lower(value: object) -> object:
    """The next plainer form of a dataclass, a pydantic model, a named tuple or a float subclass, else TypeError."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _field_names(type(value))}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float):
        return float(value)
    raise TypeError(f"Type is not JSON serializable: {_type_name(value)}")


def may_hide_nan(value: object) -> bool:
    """True if ``value`` holds NaN or an infinity, or something rich that ``check`` has to look into."""
    left: list[Any] = [value]
    while left:
        item = left.pop()
        cls = type(item)
        if cls is dict:
            left.extend(item.values())
        elif cls is list or cls is tuple:
            left.extend(item)
        elif cls not in INNOCENT and (cls is not float or not math.isfinite(item)):
            return True
    return False


def check(value: object) -> None:
    """Raises Unserialisable for the first place in ``value`` that JSON cannot hold."""
    above: set[int] = set()  # the containers around the current value
    left: list[tuple[object, Trail, bool]] = [(value, None, False)]
    while left:
        item, trail, is_left = left.pop()
        if is_left:
            above.discard(id(item))
            continue
        inner = _inner(item, trail)
        if inner is None:
            continue
        if id(item) in above:
            _refuse(trail, f"a {_type_name(item)} that contains itself", "return its id instead")
        if len(above) >= MAX_DEPTH:
            _refuse(trail, f"nested over {MAX_DEPTH} levels deep", "return a flat list of nodes")
        above.add(id(item))
        left.append((item, trail, True))
        left.extend((child, child_trail, False) for child, child_trail in reversed(inner))


@lru_cache(maxsize=1024)
def _field_names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


def _inner(value: object, trail: Trail) -> list[tuple[object, Trail]] | None:
    """What ``value`` holds, None for a leaf; refuses a leaf or a key that JSON cannot hold."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, Enum):
        return [(value.value, trail)]
    if isinstance(value, (str, int, float)):
        _check_scalar(value, trail)
        return None
    if isinstance(value, dict):
        for key in value:
            _check_key(key, trail)
        return [(item, (trail, key)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [(item, (trail, index)) for index, item in enumerate(value)]
    return _inner_of_rich(value, trail)


def _check_scalar(value: str | int | float, trail: Trail) -> None:
    if isinstance(value, str):
        _check_text(value, trail, "text with")
    elif isinstance(value, int):
        if not MIN_INT <= value <= MAX_INT:
            _refuse(trail, "an integer of more than 64 bits", "return str(value)")
    elif not math.isfinite(value):
        _refuse(trail, f"the float {value!r}, which JSON does not know", "return None or text instead")


def _check_key(key: object, trail: Trail) -> None:
    if not isinstance(key, str):
        _refuse(trail, f"a dict with the {_type_name(key)} key {key!r:.60}", "use text as keys: str(key)")
    _check_text(key, trail, "a dict with a key with")


def _check_text(text: str, trail: Trail, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        way_out = 'clean it: text.encode("utf-8", "replace").decode()'
        _refuse(trail, f"{what} a lone surrogate at {error.start}, which is not Unicode", way_out)


def _inner_of_rich(value: object, trail: Trail) -> list[tuple[object, Trail]] | None:
    try:
        return [(lower(value), trail)]
    except TypeError:
        _check_alone(value, trail)
        return None
    except Exception as error:
        _refuse(trail, f"a {_type_name(value)} that could not be dumped ({error})", ANY_WAY_OUT)


def _check_alone(value: object, trail: Trail) -> None:
    try:
        orjson.dumps(value)
    except TypeError as error:
        reason = "" if str(error).startswith("Type is not JSON") else f" ({error})"
        _refuse(trail, f"a {_type_name(value)}{reason}", _way_out(value))


def _way_out(value: object) -> str:
    if isawaitable(value):
        return "it was not awaited: await it"
    if callable(value) and not isinstance(value, type):
        return "it was not called, or return its name"
    if hasattr(value, "pk"):
        return "return its pk and load it again in the next step"
    return next((way_out for types, way_out in WAYS_OUT if isinstance(value, types)), ANY_WAY_OUT)


def _refuse(trail: Trail, what: str, way_out: str) -> NoReturn:
    path = _path(trail)
    if len(path) > 200:
        path = f"{path[:80]}…{path[-80:]}"
    raise Unserialisable(f"{path} is {what}: {way_out}", path)


def _path(trail: Trail) -> str:
    parts: list[str] = []
    while trail is not None:
        trail, key = trail
        if isinstance(key, str) and key.isidentifier():
            parts.append(f".{key}")
        else:
            parts.append(f"[{key}]" if isinstance(key, int) else f"[{json.dumps(key)}]")
    return "$" + "".join(reversed(parts))


def _type_name(value: object) -> str:
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
