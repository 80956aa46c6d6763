"""What async and sync step tools have in common: author's arguments to programs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from orchestrator.core.codec import return_shape
from orchestrator.core.durations import parse_duration
from orchestrator.core.errors import InvalidInput
from orchestrator.core.ops import NewEvent, OpKind
from orchestrator.core.retry import Retries
from orchestrator.sdk import programs
from orchestrator.sdk.arguments import bind
from orchestrator.sdk.events import Event, load_event, name_of
from orchestrator.sdk.invocation import Invocation
from orchestrator.sdk.registry import Definition
from orchestrator.sdk.sending import incoming
from orchestrator.sdk.within import within

T = TypeVar("T")
Duration = str | timedelta | int | float
MAX_SIGNAL_NAME = 200  # characters


class Asking:
    """Builds the program of each step tool."""

    def __init__(self, inv: Invocation, retries: Retries | None = None, limit: timedelta | None = None) -> None:
        self._inv = inv
        self._retries = retries
        self._limit = limit  # of each attempt of a body

    def _run(
        self, id: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], op: OpKind
    ) -> programs.Program:
        shape, body = return_shape(function), within(function, self._limit)
        return programs.run(self._inv, id, body, args, kwargs, retries=self._retries, shape=shape, op=op)

    def _each(self, id: str, step_id: str, function: Callable[..., Any], item: Any) -> programs.Program:
        """The step of one item of the map ``id``."""
        shape, body = return_shape(function), within(function, self._limit)
        return programs.run(self._inv, step_id, body, (item,), {}, retries=self._retries, shape=shape, stub=id)

    def _sleep_until(self, id: str, moment: datetime | str) -> programs.Program:
        if isinstance(moment, str):
            try:
                moment = datetime.fromisoformat(moment)
            except ValueError as error:
                raise InvalidInput(f"step {id!r}: {moment!r} is no ISO 8601 time") from error
        if moment.tzinfo is None:
            raise InvalidInput(f"step {id!r}: {moment.isoformat()} has no time zone; give an aware datetime")
        return programs.sleep(self._inv, id, moment.astimezone(UTC))

    def _wait_for_event(
        self, id: str, what: type[Any] | str, match: str | None, if_: str | None, timeout: Duration | None
    ) -> programs.Program:
        name = what if isinstance(what, str) else name_of(what)
        if name is None:
            raise InvalidInput(f"step {id!r}: {what!r} has no event name: decorate it with @event('…')")
        if match and if_:
            raise InvalidInput(f"step {id!r}: give match or if_, not both")
        limit = None if timeout is None else parse_duration(timeout)
        return programs.wait_for_event(self._inv, id, name, match=match, if_=if_, timeout=limit)

    def _wait_for_signal(self, id: str, name: str | None, timeout: Duration | None) -> programs.Program:
        limit = None if timeout is None else parse_duration(timeout)
        name = name or id
        if len(name) > MAX_SIGNAL_NAME:
            raise InvalidInput(f"step {id!r}: a signal's name has at most {MAX_SIGNAL_NAME} characters")
        return programs.wait_for_signal(self._inv, id, name, limit)

    def _invoke(
        self,
        id: str,
        target: Definition,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: Duration | None = None,
    ) -> programs.Program:
        limit = None if timeout is None else parse_duration(timeout)
        payload = payload_for(target, args, kwargs)
        shape = return_shape(target.body)
        return programs.invoke(self._inv, id, target.id, payload, shape=shape, timeout=limit)

    def _send_event(self, id: str, what: object, data: Mapping[str, Any] | None, key: str | None) -> programs.Program:
        items = what if isinstance(what, list | tuple) else [what]
        if key is not None and len(items) > 1:
            raise InvalidInput(f"step {id!r}: one key is for one event; the others would be taken for repeats of it")
        new = []
        for item in items:
            e = incoming(item, data, id=key)
            new.append(NewEvent(self._inv.transport.new_id(), e.name, e.data, e.id, e.ts, e.user, e.v))
        return programs.send_event(self._inv, id, new)


def payload_for(target: Definition, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Input of a called function: a task's arguments by name, an event function's event data."""
    if target.kind == "task":
        return bind(target.body, args, kwargs)
    return args[0] if args else dict(kwargs)


def received(envelope: Mapping[str, Any] | None, what: type[Any] | str) -> Event[Any] | None:
    """The awaited event as its author named it."""
    if envelope is None:
        return None
    return load_event(envelope, None if isinstance(what, str) else what)


def step_ids(id: str, items: Sequence[T], key: Callable[[T], str] | None) -> list[str]:
    """Ids of the steps of a map; without a key they are numbered. Raises InvalidInput unless keys are unique texts."""
    if key is None:
        return [id] * len(items)
    ids: list[str] = []
    for item in items:
        name = key(item)
        if not isinstance(name, str) or not name:
            raise InvalidInput(f"step {id!r}: the key of an item is a text, not {name!r}")
        ids.append(f"{id}:{name}")
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise InvalidInput(f"step {id!r}: two items have the key {twice[len(id) + 1 :]!r}; a key names one item's step")
    return ids
