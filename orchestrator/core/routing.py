"""Which functions an event starts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from orchestrator.core.cron import Cron
from orchestrator.core.errors import InvalidExpression, InvalidFunction
from orchestrator.core.expressions import Expression, compile_expression
from orchestrator.core.schedules import Interval

MAX_EVENT_BYTES = 255
SEPARATORS = "/."
IF_ROOTS = frozenset({"event"})


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event's name, with an ``if`` or without, or a schedule. Raises InvalidFunction.

    A name that ends in ``*`` stands for all that begin so: ``shop/*``, ``shop/order.*``, ``*``.
    """

    event: str | None = None
    expression: str | None = None
    cron: Cron | None = None
    every: Interval | None = None

    def __post_init__(self) -> None:
        if [self.event, self.cron, self.every].count(None) != 2:
            raise InvalidFunction("a trigger is either an event or a schedule: give exactly one")
        if self.event is None:
            if self.expression is not None:
                raise InvalidFunction("a schedule has no event that an if could look at: test inside the function")
            return
        if not self.event or len(self.event.encode()) > MAX_EVENT_BYTES:
            raise InvalidFunction(f"event name {self.event!r:.80} of a trigger: give 1 to {MAX_EVENT_BYTES} bytes")
        before, star, after = self.event.partition("*")
        if star and (after or (before and before[-1] not in SEPARATORS)):
            raise InvalidFunction(f"event name {self.event!r}: * comes last, after / or . as in 'shop/*', or alone")

    def to_json(self) -> dict[str, Any]:
        """The trigger as JSON, without what it does not have."""
        if self.cron is not None:
            return {"cron": self.cron.expression, "tz": self.cron.tz}
        if self.every is not None:
            return {"every": self.every.every.total_seconds(), "offset": self.every.offset.total_seconds()}
        return {"event": self.event, **({"expression": self.expression} if self.expression else {})}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Trigger":
        """The trigger that ``to_json`` wrote."""
        if "cron" in data:
            return cls(cron=Cron(data["cron"], data.get("tz") or "UTC"))
        if "every" in data:
            return cls(every=Interval(timedelta(seconds=data["every"]), timedelta(seconds=data.get("offset", 0))))
        return cls(event=data.get("event"), expression=data.get("expression"))


@dataclass(frozen=True, slots=True)
class Routed:
    """A function whose trigger names the event. ``skipped_reason``: why its ``if`` keeps it from being started."""

    function_id: str
    trigger: Trigger
    skipped_reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    order: tuple[int, int]
    function_id: str
    trigger: Trigger
    condition: Expression | None
    fault: str | None

    def reason_to_skip(self, scope: Mapping[str, Any]) -> str | None:
        if self.condition is None:
            return self.fault
        try:
            value = self.condition.evaluate(scope)
        except InvalidExpression as error:
            return f"if cannot be evaluated: {error}"
        if value is True:
            return None
        return f"if {'is false' if value is False else f'gave {value!r:.80}, not true or false'}: {self.condition.text}"


class Router:
    """Finds the functions of an event by its name, then asks their conditions."""

    def __init__(self, functions: Iterable[tuple[str, Sequence[Trigger]]]) -> None:
        self._exact: dict[str, list[_Entry]] = {}
        self._by_prefix: dict[str, list[_Entry]] = {}
        for place, (function_id, triggers) in enumerate(functions):
            for number, trigger in enumerate(triggers):
                if trigger.event is not None:
                    entry = _entry((place, number), function_id, trigger)
                    name = trigger.event.removesuffix("*")
                    index = self._exact if name == trigger.event else self._by_prefix
                    index.setdefault(name, []).append(entry)

    def match(self, event: Mapping[str, Any]) -> list[Routed]:
        """One answer a function, in the order they were given: the first trigger that starts it, else the first."""
        entries = list(self._entries(event["name"]))
        entries.sort(key=lambda entry: entry.order)
        scope = {"event": event}
        found: dict[str, Routed] = {}
        for entry in entries:
            earlier = found.get(entry.function_id)
            if earlier is None or earlier.skipped_reason is not None:
                reason = entry.reason_to_skip(scope)
                if earlier is None or reason is None:
                    found[entry.function_id] = Routed(entry.function_id, entry.trigger, reason)
        return list(found.values())

    def _entries(self, name: str) -> Iterator[_Entry]:
        yield from self._exact.get(name, ())
        if self._by_prefix:
            yield from self._by_prefix.get("", ())
            for at, character in enumerate(name, 1):
                if character in SEPARATORS:
                    yield from self._by_prefix.get(name[:at], ())


def _entry(order: tuple[int, int], function_id: str, trigger: Trigger) -> _Entry:
    condition, fault = None, None
    if trigger.expression is not None:
        try:
            condition = compile_expression(trigger.expression, IF_ROOTS)
        except InvalidExpression as error:
            fault = f"if cannot be evaluated: {error}"
    return _Entry(order, function_id, trigger, condition, fault)
