"""Frames between an engine and a child process: a length in four bytes, then JSON."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, get_args

import orjson
from pydantic import TypeAdapter

from orchestrator.core.ops import Op
from orchestrator.core.retry import Retries

HEAD = 4  # bytes of a frame's length
MAX_FRAME = 256 * 1024 * 1024
_OPS: dict[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for kind in get_args(Op)}


def frame(message: dict[str, Any]) -> bytes:
    """Dataclasses, moments and enums inside are JSON too."""
    body = orjson.dumps(message)
    return len(body).to_bytes(HEAD, "big") + body


def unframe(body: bytes) -> dict[str, Any]:
    message: dict[str, Any] = orjson.loads(body)
    return message


def op_to_wire(op: Op | None) -> dict[str, Any] | None:
    return None if op is None else {"kind": type(op).__name__, "op": op}


def op_from_wire(data: dict[str, Any] | None) -> Op | None:
    """Raises pydantic's ValidationError for what is no op."""
    if data is None:
        return None
    op: Op = _OPS[data["kind"]].validate_python(data["op"])
    return op


def retries_to_wire(policy: Retries | None) -> list[float] | None:
    if policy is None:
        return None
    initial, longest = policy.initial.total_seconds(), policy.max_interval.total_seconds()
    return [policy.max_attempts, initial, policy.factor, longest, policy.jitter]


def retries_from_wire(data: Sequence[float] | None) -> Retries | None:
    if data is None:
        return None
    most, initial, factor, longest, jitter = data
    return Retries(
        int(most),
        initial=timedelta(seconds=initial),
        factor=factor,
        max_interval=timedelta(seconds=longest),
        jitter=jitter,
    )
