"""Sending events and signals from any code: in a request, in a shell, inside ``transaction.atomic()``."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.core.errors import InvalidPayload
from orchestrator.core.events import IncomingEvent, check_event
from orchestrator.sdk.events import name_of, payload_json
from orchestrator.sdk.port import engine


def incoming(
    what: object,
    data: Mapping[str, Any] | None = None,
    *,
    id: str | None = None,
    ts: datetime | None = None,
    user: Mapping[str, Any] | None = None,
    v: str | None = None,
) -> IncomingEvent:
    """An event from a payload instance, or from a name and its data."""
    if isinstance(what, str):
        return check_event(IncomingEvent(what, payload_json(data or {}), id, ts, dict(user) if user else None, v))
    name = name_of(what)
    if name is None:
        raise InvalidPayload(f"{type(what).__name__} has no event name: decorate the class with @event('…')")
    return check_event(IncomingEvent(name, payload_json(what), id, ts, dict(user) if user else None, v))


def send(
    what: object,
    data: Mapping[str, Any] | None = None,
    *,
    id: str | None = None,
    ts: datetime | None = None,
    user: Mapping[str, Any] | None = None,
    v: str | None = None,
) -> str:
    """Sends one event; its id, once it is durable. Inside ``transaction.atomic()`` it exists only if that commits.

    ``what`` is an instance of an ``@event`` class, or a name followed by ``data``. ``id`` makes sending it twice
    harmless. Raises InvalidPayload, Unserialisable.
    """
    return engine().send([incoming(what, data, id=id, ts=ts, user=user, v=v)])[0]


async def asend(
    what: object,
    data: Mapping[str, Any] | None = None,
    *,
    id: str | None = None,
    ts: datetime | None = None,
    user: Mapping[str, Any] | None = None,
    v: str | None = None,
) -> str:
    """``send`` for async code."""
    return (await engine().asend([incoming(what, data, id=id, ts=ts, user=user, v=v)]))[0]


def signal(run_id: str, name: str, data: Any = None, *, key: str | None = None) -> None:
    """Leaves a signal for one run; sent before the run waits for it, it waits there. A repeated ``key`` is ignored.

    Raises RunNotFound, RunEnded, InvalidId, InvalidInput, Unserialisable.
    """
    engine().signal(run_id, name, data, key=key)


async def asignal(run_id: str, name: str, data: Any = None, *, key: str | None = None) -> None:
    """``signal`` for async code."""
    await engine().asignal(run_id, name, data, key=key)
