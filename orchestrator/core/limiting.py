"""Names of limits: what a declaration limits, and the value of its key for one run."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from orchestrator.core.controls import CLASSES, Concurrency
from orchestrator.core.errors import InvalidExpression
from orchestrator.core.flow import Flow
from orchestrator.core.keys import Key, key_value

LONGEST_VALUE = 120  # characters of a key's value that is told as it is
SEPARATOR = "|"


def concurrency_target(slug: str, place: int, limit: Concurrency) -> str:
    """What a concurrency limit is about: the same text is the same limit, whichever function declares it."""
    if limit.name is not None:
        return f"named:{limit.name}"
    if limit.scope == "environment":
        return f"environment:{limit.key or ''}"[:200]
    return f"concurrency:{slug}:{place}"


def throttle_target(slug: str) -> str:
    return f"throttle:{slug}"


def value_of(key: Key | None, event: Mapping[str, Any]) -> Any:
    """The value of a key for that event, None without a key. Raises InvalidExpression."""
    return None if key is None else key_value(key, event)


def limit_key(env: int, target: str, value: Any) -> str:
    """The text under which a limit is stored; values that are long are told by their hash."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError as error:
        raise InvalidExpression(f"the key of {target} gave {type(value).__name__}, which is no JSON: {error}") from None
    if len(text) > LONGEST_VALUE:
        text = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    return f"{env}:{target}{SEPARATOR}{text}"


def limit_name(key: str) -> str:
    """``Limit gpu``, ``The limit of billing-sync for "acme"``."""
    target, _, value = key.partition(":")[2].partition(SEPARATOR)
    kind, _, about = target.partition(":")
    whom = "" if value in ("null", "") else f" for {value}"
    match kind:
        case "named":
            return f"Limit {about}{whom}"
        case "environment":
            return f"The environment's limit{whom}"
        case "concurrency":
            return f"The limit of {about.rpartition(':')[0]}{whom}"
        case _:
            return f"The {kind} of {about}{whom}"


def run_limits(env: int, slug: str, flow: Flow, event: Mapping[str, Any]) -> list[str]:
    """Keys of the limits that a run has to be admitted by: those of concurrency, then the throttle's.

    Raises InvalidExpression.
    """
    keys = [
        limit_key(env, concurrency_target(slug, place, limit), value_of(limit.key, event))
        for place, limit in enumerate(flow.concurrency)
    ]
    if flow.throttle is not None:
        keys.append(limit_key(env, throttle_target(slug), value_of(flow.throttle.key, event)))
    return keys


def head_start(flow: Flow, event: Mapping[str, Any], most: float) -> float:
    """Seconds that a run is put before others; an expression that gives no number gives none."""
    given = flow.priority.run if flow.priority is not None else 0
    try:
        value = given if given in CLASSES else key_value(given, event)
    except InvalidExpression:
        return 0.0
    return max(-most, min(most, _number(CLASSES.get(value) if isinstance(value, str) else value) or 0.0))


def number_of(given: Key | float, event: Mapping[str, Any]) -> float | None:
    """A number as it is, or that which a key gives for the event; None when it gives no number."""
    try:
        value = key_value(given, event)
    except InvalidExpression:
        return None
    return _number(value)


def _number(value: Any) -> float | None:
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
