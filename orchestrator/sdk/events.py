"""Typed events: a payload class with a name, and an event as a function sees it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import orjson

from orchestrator.core.codec import Shape, decode, encode
from orchestrator.core.errors import InvalidPayload
from orchestrator.core.events import NAME_ATTRIBUTE
from orchestrator.core.ops import ErrorInfo

T = TypeVar("T")


def event(name: str) -> Callable[[type[T]], type[T]]:
    """Names a payload class (a dataclass or a pydantic model): ``@event("doc/uploaded")``."""

    def mark(cls: type[T]) -> type[T]:
        setattr(cls, NAME_ATTRIBUTE, name)
        return cls

    return mark


def name_of(what: object) -> str | None:
    """The event's name that a payload class, or an instance of one, was given."""
    cls = what if isinstance(what, type) else type(what)
    name = getattr(cls, NAME_ATTRIBUTE, None)
    return name if isinstance(name, str) else None


@dataclass(frozen=True, slots=True)
class Event(Generic[T]):
    """An event that started a run or ended a wait. ``data`` is an instance of the payload class, else a dict."""

    id: str
    name: str
    data: T
    ts: datetime
    user: Mapping[str, Any] | None = None
    v: str | None = None


@event("signalbox/function.failed")
@dataclass(frozen=True, slots=True)
class RunFailed:
    """What a failure handler is told: the run that failed for good, why, and what it was about."""

    function_id: str
    run_id: str
    error: ErrorInfo
    event: dict[str, Any] | None = None  # the envelope of the event that started the run
    input: Any = None  # the payload of a run that was called by name


def load_event(envelope: Mapping[str, Any], payload: type[Any] | None) -> Event[Any]:
    """Raises InvalidPayload when the data do not fit the payload class."""
    data = envelope.get("data") or {}
    if payload is not None:
        try:
            data = Shape.of(payload).load(data)
        except InvalidPayload as error:
            raise InvalidPayload(f"event {envelope.get('name')!r}: {error}") from error
    ts = datetime.fromtimestamp(envelope.get("ts", 0) / 1000, UTC)
    return Event(
        str(envelope.get("id", "")), str(envelope.get("name", "")), data, ts, envelope.get("user"), envelope.get("v")
    )


def payload_json(payload: object) -> dict[str, Any]:
    """The JSON object of a payload instance or mapping. Raises Unserialisable, InvalidPayload."""
    data = decode(encode(payload))
    if not isinstance(data, dict):
        raise InvalidPayload(f"an event's data must be an object, not {orjson.dumps(data)[:80].decode()}")
    return data
