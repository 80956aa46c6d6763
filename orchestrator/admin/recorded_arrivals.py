"""What came for a rate limit in the last day: runs that were started, and events and calls that it turned away."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from orchestrator.admin.recorded import LOOK_BACK, MOST_RUNS
from orchestrator.core.controls import RateLimit
from orchestrator.core.errors import InvalidExpression
from orchestrator.core.ids import new_id
from orchestrator.core.limiting import limit_key, value_of
from orchestrator.core.ops import Status
from orchestrator.core.skips import Arrival
from orchestrator.models import Event, Function, Run, RunData, RunEvent
from orchestrator.models.fields import to_micros

UNGATED = ("invoke", "replay")  # a parent waits for that very run; an operator asked for it
TURNED_AWAY = "rate limit:"  # how the reasons of a rate limit begin
ENVELOPE = ("id", "name", "data", "ts", "user", "v", "received_at", "skipped")


@dataclass(frozen=True, slots=True)
class _Came:
    at: datetime
    event: Mapping[str, Any]


def recorded_arrivals(function: Function, limit: RateLimit) -> list[Arrival]:
    """At most the newest 5,000 runs and the newest 5,000 that were turned away, from where both are complete.

    At most six queries. A key that is false, or cannot be evaluated, passes the limit by.
    """
    begin = datetime.now(UTC) - LOOK_BACK
    since = new_id(begin, bytes(10))
    runs = Run.objects.filter(env=function.env, function=function.slug, id__gte=since).exclude(trigger__in=UNGATED)
    keyed = limit.key is not None
    found = [
        list(_started(runs.exclude(status=Status.SKIPPED), keyed=keyed)),
        list(_calls_turned_away(runs.filter(status=Status.SKIPPED))),
        list(_events_turned_away(function, since)),
    ]
    complete = max((min(one.at for one in some) for some in found if len(some) >= MOST_RUNS), default=begin)
    came = [one for some in found for one in some if one.at >= complete]
    return [arrival for one in came for arrival in _arrival(function, limit, one)]


def _arrival(function: Function, limit: RateLimit, came: _Came) -> Iterator[Arrival]:
    try:
        value = value_of(limit.key, came.event)
        if value is not False:
            yield Arrival(to_micros(came.at), limit_key(function.env, function.slug, value))
    except InvalidExpression:
        return


def _started(runs: "QuerySet[Run]", *, keyed: bool) -> Iterator[_Came]:
    """With the event that each began with, or what it was called with, when the key asks for it."""
    newest = runs.order_by("-id")[:MOST_RUNS]
    rows = list(newest.values_list("id", "queued_at"))
    events: dict[str, Mapping[str, Any]] = {}
    if keyed and rows:
        ids = newest.values("id")
        events = {
            run: {"data": data or {}} for run, data in RunData.objects.filter(run__in=ids).values_list("run", "input")
        }
        by_event = dict(RunEvent.objects.filter(run__in=ids, n=0).values_list("run", "event"))
        known = {
            row[0]: _envelope(row) for row in Event.objects.filter(id__in=by_event.values()).values_list(*ENVELOPE)
        }
        events |= {run: known[event] for run, event in by_event.items() if event in known}
    for id, queued_at in rows:
        yield _Came(queued_at, events.get(id, {"data": {}}))


def _calls_turned_away(runs: "QuerySet[Run]") -> Iterator[_Came]:
    """A call that is turned away has a run that ended before it began."""
    moments = dict(runs.order_by("-id").values_list("id", "queued_at")[:MOST_RUNS])
    for data in RunData.objects.filter(run__in=list(moments)):
        if str((data.error or {}).get("message", "")).startswith(TURNED_AWAY):
            yield _Came(moments[data.run], {"data": data.input or {}})


def _events_turned_away(function: Function, since: str) -> Iterator[_Came]:
    events = Event.objects.filter(env=function.env, id__gte=since, skipped__isnull=False)
    names = [str(trigger["event"]) for trigger in function.triggers or [] if trigger.get("event")]
    if not any("*" in name for name in names):
        events = events.filter(name__in=names)
    for row in events.order_by("-id").values_list(*ENVELOPE)[:MOST_RUNS]:
        told = [skip for skip in row[-1] or [] if skip.get("function") == function.slug]
        if any(str(skip.get("reason", "")).startswith(TURNED_AWAY) for skip in told):
            yield _Came(row[-2], _envelope(row))


def _envelope(row: tuple[Any, ...]) -> dict[str, Any]:
    """The event as expressions see it."""
    id, name, data, ts, user, v, *_ = row
    told = {"id": id, "name": name, "data": data, "ts": to_micros(ts) // 1000, "user": user, "v": v}
    return {name: value for name, value in told.items() if value is not None}
