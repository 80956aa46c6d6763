"""Events from outside: what is accepted, and what is wrong with what is not. Rules as Inngest's event API has them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import orjson

from orchestrator.core.errors import InvalidEvent

MAX_NAME_BYTES = 512
MAX_V_CHARACTERS = 64
MAX_ID_CHARACTERS = 255
MAX_DEPTH = 200  # what goes on to be a part of other documents has to stay under the encoder's 254
NAME_ATTRIBUTE = "__signalbox_event__"  # of a payload class: the name of its event
RESERVED_PREFIXES = ("inngest/", "signalbox/")
STRIPPED_DATA_KEY = "_inngest"  # of Inngest's own: from outside it would be a forgery

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST_MS = (datetime(1980, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
LATEST_MS = (datetime(2100, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
JSON_TYPES = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """An event as its sender gave it. ``id`` is the sender's idempotency key, ``ts`` the sender's time."""

    name: str
    data: dict[str, Any]
    id: str | None = None
    ts: datetime | None = None
    user: dict[str, Any] | None = None
    v: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedEvents:
    """The events before the first bad one, and what is wrong with that. ``is_list``: the body was a list."""

    events: list[IncomingEvent]
    error: InvalidEvent | None
    is_list: bool


def parse_events(
    body: bytes, *, max_bytes: int, max_events: int = 5000, max_event_bytes: int = 512 * 1024
) -> ParsedEvents:
    """Reads one event or a list of them. Errors of size have status 413; nothing is raised."""
    events: list[IncomingEvent] = []
    is_list = False
    try:
        document = _load(body, max_bytes)
        is_list = isinstance(document, list)
        found = document if is_list else [document]
        if len(found) > max_events:
            raise InvalidEvent(f"{len(found)} events in one request: send at most {max_events}", status=413)
        # Small flat bodies, nearly all of them, cannot hold an event that is too large or too deep.
        must_measure = len(body) > max_event_bytes or body.count(b"{") + body.count(b"[") > MAX_DEPTH
        for place, item in enumerate(found):
            index = place if is_list else None
            event = parse_event_dict(item, index)
            if must_measure:
                _measure(item, index, max_event_bytes)
            events.append(event)
    except InvalidEvent as error:
        return ParsedEvents(events, error, is_list)
    return ParsedEvents(events, None, is_list)


def parse_event_dict(obj: object, index: int | None = None) -> IncomingEvent:
    """The event that a decoded JSON object says. Raises InvalidEvent, which knows ``index``."""
    if not isinstance(obj, dict):
        _refuse(f"event is {_type(obj)}, not an object", index)
    data = _object(obj, "data", index) or {}
    if STRIPPED_DATA_KEY in data:
        data = {key: value for key, value in data.items() if key != STRIPPED_DATA_KEY}
    return IncomingEvent(
        _name(obj.get("name"), index), data, _label("id", obj.get("id"), MAX_ID_CHARACTERS, index),
        _ts(obj.get("ts"), index), _object(obj, "user", index), _label("v", obj.get("v"), MAX_V_CHARACTERS, index),
    )  # fmt: skip


def check_event(event: IncomingEvent) -> IncomingEvent:
    """The event as it is, when its name, id and version are such as are taken from outside. Raises InvalidEvent."""
    _name(event.name, None)
    _label("id", event.id, MAX_ID_CHARACTERS, None)
    _label("v", event.v, MAX_V_CHARACTERS, None)
    return event


def _load(body: bytes, max_bytes: int) -> Any:
    if len(body) > max_bytes:
        raise InvalidEvent(f"body is {len(body)} bytes: send at most {max_bytes}", status=413)
    if not body.strip():
        raise InvalidEvent("body is empty: send one event or a list of events as JSON")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent(f"body is not JSON: {error}") from None


def _name(name: object, index: int | None) -> str:
    if name is None:
        _refuse("event name is missing", index)
    if not isinstance(name, str):
        _refuse(f"event name is {_type(name)}, not text", index)
    if not name:
        _refuse("event name is empty", index)
    if len(name) > MAX_NAME_BYTES or len(name.encode()) > MAX_NAME_BYTES:
        _refuse(f"event name is longer than {MAX_NAME_BYTES} bytes", index)
    if not name.isprintable():
        _refuse(f"event name {name!r:.80} has unprintable characters", index)
    for prefix in RESERVED_PREFIXES:
        if name.lower().startswith(prefix):
            _refuse(f"event name {name!r} begins with {prefix!r}, which is reserved", index)
    return name


def _label(key: str, text: object, limit: int, index: int | None) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str):
        _refuse(f"event {key} is {_type(text)}, not text", index)
    if not text or len(text) > limit:
        _refuse(f"event {key} has {len(text)} characters: give 1 to {limit}, or leave it out", index)
    if not text.isprintable():
        _refuse(f"event {key} {text!r:.80} has unprintable characters", index)
    return text


def _ts(ts: object, index: int | None) -> datetime | None:
    if ts is None:
        return None
    if isinstance(ts, bool) or not isinstance(ts, int):
        _refuse(f"event ts is {_type(ts)}, not a whole number of milliseconds since 1970", index)
    if not EARLIEST_MS <= ts < LATEST_MS:
        _refuse(f"event ts {ts} is not between 1980 and 2100: give milliseconds since 1970", index)
    return EPOCH + timedelta(milliseconds=ts)


def _object(obj: dict[str, Any], key: str, index: int | None) -> dict[str, Any] | None:
    value = obj.get(key)
    if not (value is None or isinstance(value, dict)):
        _refuse(f"event {key} is {_type(value)}, not an object", index)
    return value


def _measure(item: Any, index: int | None, max_event_bytes: int) -> None:
    try:
        raw = orjson.dumps(item)
    except TypeError:
        _refuse(f"event is nested over {MAX_DEPTH} levels deep", index)
    if len(raw) > max_event_bytes:
        _refuse(f"event is {len(raw)} bytes: send at most {max_event_bytes}", index, 413)
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth(item) > MAX_DEPTH:
        _refuse(f"event is nested over {MAX_DEPTH} levels deep", index)


def _depth(item: Any) -> int:
    depth, level = 0, [item]
    while level:
        depth += 1
        inner: list[Any] = []
        for value in level:
            inner.extend(value.values() if isinstance(value, dict) else value)
        level = [value for value in inner if isinstance(value, (dict, list))]
    return depth


def _type(value: object) -> str:
    return JSON_TYPES.get(type(value), "a number")


def _refuse(message: str, index: int | None, status: int = 400) -> NoReturn:
    raise InvalidEvent(message if index is None else f"event {index}: {message}", index, status)
