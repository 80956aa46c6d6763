"""The gates of a function: what decides, by what is stored already, whether an event starts a run. Pure.

An event passes them in this order: batch, rate limit, idempotency, debounce, singleton.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.controls import Batch, Debounce
from orchestrator.core.flow import Flow
from orchestrator.core.keys import key_value
from orchestrator.core.limiting import limit_key, value_of

GATES = ("batch", "rate_limit", "idempotency", "debounce", "singleton")
MOST_BATCH_BYTES = 4 * 1024 * 1024  # payloads of one batch
SECOND = 1_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Gates:
    """The gates that one event has before a function, each by the key of its limit; None: that one lets it by."""

    flow: Flow
    batch: str | None = None
    rate_limit: str | None = None
    idempotency: str | None = None
    debounce: str | None = None
    singleton: str | None = None

    @property
    def keys(self) -> list[str]:
        return [key for name in GATES if (key := getattr(self, name)) is not None]


def gate_target(slug: str, gate: str) -> str:
    """What a gate's limit is about."""
    return f"{gate}:{slug}"


def gates_of(env: int, slug: str, flow: Flow, event: Mapping[str, Any], *, called: bool = False) -> Gates | None:
    """The gates before that function for this event, None when there are none.

    A key that is false opens its gate, and so does an event for which a batch's ``if_`` is not true. ``called``: there
    is no event that could wait in a batch, or take the place of another. Raises InvalidExpression.
    """
    if not flow.gates_events:
        return None
    found: dict[str, str] = {}
    for gate in GATES:
        control = getattr(flow, gate)
        if control is None or (gate == "batch" and (called or not is_batched(control, event))):
            continue
        value = value_of(control.key, event)
        if value is not False:
            target = gate_target(slug, gate) + (":call" if called and gate == "debounce" else "")
            found[gate] = limit_key(env, target, value)
    return Gates(flow, **found) if found else None


def is_batched(batch: Batch, event: Mapping[str, Any]) -> bool:
    """Whether the event waits for others. Raises InvalidExpression."""
    return batch.if_ is None or key_value(batch.if_, event) is True


def debounced_until(debounce: Debounce, first: int, now: int) -> int:
    """When the run starts, if no further event comes; ``first``: when the first one came. Microseconds."""
    due = now + round(debounce.period * SECOND)
    return due if debounce.max_wait is None else min(due, first + round(debounce.max_wait * SECOND))


def fits(batch_bytes: int, more: int) -> bool:
    """Whether a payload may be added to a batch that has one already."""
    return batch_bytes + more <= MOST_BATCH_BYTES
