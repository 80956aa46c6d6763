"""The events list, and the event page: what an event set in motion, and what it did not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Q

from console.presenters.actors import who_did
from console.presenters.inspector import Value, value
from console.presenters.run_list import PAGE_SIZE, RunRow, rows
from console.presenters.text import MICROSECOND
from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id
from orchestrator.models import Event, Run, RunEvent

SOURCE_WORDS = {"api": "API", "app": "Application", "run": "Run", "console": "Console", "engine": "Engine"}
RUNS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class EventRow:
    event: Event
    source: str
    runs: int
    statuses: Sequence[tuple[str, int]]
    skipped: int


@dataclass(frozen=True, slots=True)
class EventsPage:
    rows: Sequence[EventRow]
    newer: str | None
    older: str | None


def events_page(env: int, name: str = "", before: str = "", after: str = "", size: int = PAGE_SIZE) -> EventsPage:
    """Events newest first with how many runs each started: three queries, whatever the number of events."""
    before, after = _id(before), _id(after)
    events = Event.objects.filter(env=env).defer("data", "user")
    if name:
        events = events.filter(name=name)
    if after:
        found = list(events.filter(id__gt=after).order_by("id")[: size + 1])
        shown = found[:size][::-1]
        newer, older = shown[0].id if len(found) > size else None, shown[-1].id if shown else None
    else:
        found = list((events.filter(id__lt=before) if before else events).order_by("-id")[: size + 1])
        shown = found[:size]
        newer, older = shown[0].id if before and shown else None, shown[-1].id if len(found) > size else None
    return EventsPage(_event_rows(shown), newer, older)


def _event_rows(events: Sequence[Event]) -> list[EventRow]:
    links = list(RunEvent.objects.filter(event__in=[event.id for event in events]).values_list("event", "run"))
    statuses = dict(Run.objects.filter(id__in={run for _, run in links}).values_list("id", "status"))
    tally: dict[str, dict[str, int]] = {}
    for event, run in links:
        if run in statuses:
            of_event = tally.setdefault(event, {})
            of_event[statuses[run]] = of_event.get(statuses[run], 0) + 1
    return [_event_row(event, tally.get(event.id, {})) for event in events]


def _event_row(event: Event, statuses: Mapping[str, int]) -> EventRow:
    source = SOURCE_WORDS.get(event.source, event.source)
    return EventRow(event, source, sum(statuses.values()), sorted(statuses.items()), len(event.skipped or []))


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run of the event; ``left`` and ``width`` are percentages of the time all of them took."""

    row: RunRow
    left: str
    width: str


@dataclass(frozen=True, slots=True)
class EventPage:
    event: Event
    source: str
    payload: Value
    about: Mapping[str, Any]
    runs: Sequence[Outcome]
    more_runs: bool
    skipped: Sequence[Mapping[str, str]]
    duplicates: Sequence[Event]
    retriggers: Sequence[Event]
    actor: str


def event_page(event: Event) -> EventPage:
    """An event with everything it caused."""
    started = Run.objects.filter(id__in=RunEvent.objects.filter(event=event.id).values("run")).order_by("id")
    runs = list(started[: RUNS_SHOWN + 1])
    kin = _kin(event)
    return EventPage(
        event=event,
        source=SOURCE_WORDS.get(event.source, event.source),
        payload=value(event.data),
        about={"user": value(event.user)} if event.user else {},
        runs=_outcomes(rows(runs[:RUNS_SHOWN])),
        more_runs=len(runs) > RUNS_SHOWN,
        skipped=event.skipped or [],
        duplicates=[other for other in kin if other.duplicate_of == event.id],
        retriggers=[other for other in kin if other.retrigger_of == event.id],
        actor=_actor(event),
    )


def _actor(event: Event) -> str:
    """Who sent it from the console."""
    if event.source != "console":
        return ""
    if event.retrigger_of:
        return who_did("event.retrigger", event.retrigger_of, event.received_at, new_event=event.id)
    return who_did("event.send", event.id, event.received_at)


def _outcomes(found: Sequence[RunRow]) -> list[Outcome]:
    if not found:
        return []
    now = datetime.now(UTC)
    start = min(row.run.queued_at for row in found)
    whole = max(max(row.run.ended_at or now for row in found) - start, MICROSECOND)
    shares = [((r.run.queued_at - start) / whole, ((r.run.ended_at or now) - r.run.queued_at) / whole) for r in found]
    return [Outcome(row, _percent(at), _percent(length)) for row, (at, length) in zip(found, shares, strict=True)]


def _percent(share: float) -> str:
    return f"{100 * min(max(share, 0), 1):.2f}%"


def _kin(event: Event) -> list[Event]:
    """Its repeats and what was triggered from it again, newest first."""
    same = Q(duplicate_of=event.id) | Q(retrigger_of=event.id)
    return list(Event.objects.defer("data", "user").filter(same).order_by("-id")[:20])


def event_names(env: int) -> list[str]:
    """Names seen among the newest thousand events, for the filter."""
    newest = Event.objects.filter(env=env).order_by("-id").values("id")[:1_000]
    counted = Event.objects.filter(id__in=newest).values("name").annotate(n=Count("id"))
    return sorted(row["name"] for row in counted)


def _id(text: str) -> str:
    try:
        return parse_id(text)
    except InvalidId:
        return ""
