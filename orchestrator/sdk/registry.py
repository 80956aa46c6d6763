"""Every function declared in this process, by its id."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.errors import InvalidFunction, UnknownFunction
from orchestrator.core.flow import NO_FLOW, Flow
from orchestrator.core.retry import Retries
from orchestrator.core.routing import Trigger
from orchestrator.sdk.limits import NO_LIMITS, Limits
from orchestrator.sdk.timing import Declared


@dataclass(frozen=True, slots=True)
class Definition:
    """A function as the engine needs it. ``payloads`` are the classes of its events' data, by event name."""

    id: str
    name: str
    kind: str  # "function" or "task"
    body: Callable[..., Any]
    is_async: bool
    triggers: tuple[Trigger, ...]
    retries: Retries
    queue: str = "default"
    flow: Flow = NO_FLOW
    pinned: bool = False  # its runs go on with the version of the code that they began with
    limits: Limits = NO_LIMITS
    schedules: tuple[Declared, ...] = ()
    payloads: Mapping[str, type[Any]] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


class Registry:
    """Definitions by id. One for the process; the Harness makes its own views of it."""

    def __init__(self) -> None:
        self._definitions: dict[str, Definition] = {}

    def add(self, definition: Definition) -> None:
        """Raises InvalidFunction when another function has that id already."""
        known = self._definitions.get(definition.id)
        if known is not None and _place(known) != _place(definition):
            raise InvalidFunction(
                f"two functions have the id {definition.id!r}: {_place(known)} and {_place(definition)};"
                " give one of them another by id="
            )
        self._definitions[definition.id] = definition

    def get(self, function_id: str) -> Definition:
        definition = self._definitions.get(function_id)
        if definition is None:
            known = ", ".join(sorted(self._definitions)) or "none"
            raise UnknownFunction(f"no function {function_id!r} is registered here; known: {known}")
        return definition

    def find(self, function_id: str) -> Definition | None:
        return self._definitions.get(function_id)

    def remove(self, function_id: str) -> None:
        self._definitions.pop(function_id, None)

    def __iter__(self) -> Iterator[Definition]:
        return iter(tuple(self._definitions.values()))

    def __len__(self) -> int:
        return len(self._definitions)


def _place(definition: Definition) -> str:
    return f"{definition.body.__module__}.{definition.body.__qualname__}"


registry = Registry()
