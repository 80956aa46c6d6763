"""What a replay would do: which steps keep their results, which run again, and with which payload."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from console.presenters.text import pretty
from orchestrator.conf import settings
from orchestrator.core.ops import Status
from orchestrator.core.trace import Phase, Span
from orchestrator.models import Event, Run, RunData, RunEvent

NAMED = 12
LISTED = 300


@dataclass(frozen=True, slots=True)
class Steps:
    """Some steps of a run: the first by name, and how many there are."""

    shown: Sequence[Span]
    number: int

    @property
    def more(self) -> int:
        return self.number - len(self.shown)


@dataclass(frozen=True, slots=True)
class Plan:
    """A replay from ``step`` ('' is the beginning)."""

    step: str
    known: bool
    kept: Steps
    again: Steps


@dataclass(frozen=True, slots=True)
class Payload:
    """What a run was given. ``text`` is None when it is too large to be edited; ``source`` names where it came from."""

    value: Any
    text: str | None
    source: str


def plan(steps: Sequence[Span], step: str) -> Plan:
    """As the engine does it: what settled before the step is kept, everything else runs again."""
    start = next((span.ordinal for span in steps if span.key == step), None)
    before = 0 if start is None else start
    kept = [span for span in steps if span.ordinal < before and _settled(span)]
    keys = {span.key for span in kept}
    again = [span for span in steps if span.key not in keys]
    return Plan(step, start is not None or not step, _steps(kept), _steps(again))


def choices(steps: Sequence[Span], chosen: str) -> Sequence[str]:
    """Steps to choose from in a list; none when they are too many for one."""
    return [span.key for span in steps] if len(steps) <= LISTED else []


def payload(run: Run) -> Payload | None:
    """The run's editable payload: its first event's data or its own input, None when it has neither."""
    given = RunData.objects.filter(run=run.id).values_list("input", flat=True).first()
    if given is not None:
        return Payload(given, editable(given), "input") if isinstance(given, dict) else None
    first = RunEvent.objects.filter(run=run.id, n=0).values("event")
    event = Event.objects.filter(id__in=first).only("name", "data").first()
    return Payload(event.data, editable(event.data), event.name) if event else None


def editable(value: Any) -> str | None:
    """JSON text to edit, None when it is larger than what may be sent back."""
    fits = len(orjson.dumps(value)) <= settings().max_event_bytes
    text = pretty(value)
    return text if fits and len(text.encode()) <= settings().max_event_bytes else None


def _settled(span: Span) -> bool:
    if span.status in (Status.COMPLETED, Status.TIMED_OUT):
        return True
    return span.status is Status.FAILED and span.segments[-1].phase is not Phase.BACKOFF


def _steps(spans: Sequence[Span]) -> Steps:
    return Steps(spans[:NAMED], len(spans))
