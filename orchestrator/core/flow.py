"""All the flow control of a function as one value, which the catalog stores."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from orchestrator.core.controls import (
    Batch,
    CancelOn,
    Concurrency,
    Debounce,
    Delay,
    Fairness,
    Idempotency,
    Priority,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
)
from orchestrator.core.errors import InvalidFunction

MOST_CONCURRENCY = 4  # limits of one function
MOST_CANCEL_ON = 5

FlowControl = (
    Concurrency
    | Throttle
    | RateLimit
    | Debounce
    | Batch
    | Priority
    | Fairness
    | Singleton
    | Idempotency
    | Delay
    | CancelOn
    | Timeouts
)
_ONE_OF_EACH: dict[str, type[Any]] = {
    "throttle": Throttle,
    "rate_limit": RateLimit,
    "debounce": Debounce,
    "batch": Batch,
    "priority": Priority,
    "fairness": Fairness,
    "singleton": Singleton,
    "idempotency": Idempotency,
    "delay": Delay,
    "timeouts": Timeouts,
}
_NOT_WITH_BATCH = ("debounce", "singleton", "idempotency", "rate_limit", "delay")


@dataclass(frozen=True, slots=True)
class Flow:
    """All that a function declares, as the catalog stores it."""

    concurrency: tuple[Concurrency, ...] = ()
    throttle: Throttle | None = None
    rate_limit: RateLimit | None = None
    debounce: Debounce | None = None
    batch: Batch | None = None
    priority: Priority | None = None
    fairness: Fairness | None = None
    singleton: Singleton | None = None
    idempotency: Idempotency | None = None
    delay: Delay | None = None
    cancel_on: tuple[CancelOn, ...] = ()
    timeouts: Timeouts | None = None

    @classmethod
    def of(cls, controls: Iterable[FlowControl]) -> "Flow":
        """Raises InvalidFunction for two of a kind, and for kinds that contradict each other."""
        given = list(controls)
        found: dict[str, Any] = {}
        for name, kind in _ONE_OF_EACH.items():
            of_kind = [control for control in given if isinstance(control, kind)]
            if len(of_kind) > 1:
                raise InvalidFunction(f"flow has {len(of_kind)} {kind.__name__}: a function can have one")
            found[name] = next(iter(of_kind), None)
        concurrency = tuple(control for control in given if isinstance(control, Concurrency))
        cancel_on = tuple(control for control in given if isinstance(control, CancelOn))
        known = len(concurrency) + len(cancel_on) + sum(value is not None for value in found.values())
        if known < len(given):
            raise InvalidFunction(f"flow holds what is no flow control: give {', '.join(_names())}")
        for what, some, most in (
            ("Concurrency", concurrency, MOST_CONCURRENCY),
            ("CancelOn", cancel_on, MOST_CANCEL_ON),
        ):
            if len(some) > most:
                raise InvalidFunction(f"flow has {len(some)} {what}: a function can have {most}")
        for name in _NOT_WITH_BATCH:
            if found["batch"] and found[name]:
                raise InvalidFunction(f"flow has both a Batch and a {_ONE_OF_EACH[name].__name__}: give one of them")
        return cls(concurrency, cancel_on=cancel_on, **found)

    @property
    def limits_starts(self) -> bool:
        """Whether its runs have to be admitted before they execute."""
        return bool(self.concurrency or self.throttle or self.singleton)

    @property
    def needs_admission(self) -> bool:
        """Whether it takes more than the order of the queue to tell which of its runs executes next."""
        return self.limits_starts or self.fairness is not None

    @property
    def has_terms(self) -> bool:
        """Whether something may end its runs from outside."""
        return bool(self.cancel_on or self.timeouts)

    @property
    def gates_events(self) -> bool:
        """Whether what is stored already decides what an event starts."""
        return bool(self.rate_limit or self.debounce or self.batch or self.singleton or self.idempotency)

    def to_json(self) -> dict[str, Any]:
        """What is declared; ``from_json`` reads it."""
        told: dict[str, Any] = {}
        for slot in fields(self):
            value = getattr(self, slot.name)
            if isinstance(value, tuple) and value:
                told[slot.name] = [asdict(one) for one in value]
            elif value and not isinstance(value, tuple):
                told[slot.name] = asdict(value)
        return told

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Flow":
        found = {name: kind(**data[name]) for name, kind in _ONE_OF_EACH.items() if data.get(name)}
        return cls(
            concurrency=tuple(Concurrency(**one) for one in data.get("concurrency", ())),
            cancel_on=tuple(CancelOn(**one) for one in data.get("cancel_on", ())),
            **found,
        )


def _names() -> list[str]:
    return ["Concurrency", *(kind.__name__ for kind in _ONE_OF_EACH.values()), "CancelOn"]


NO_FLOW = Flow()
