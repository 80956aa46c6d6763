"""Which runs a list shows: the same filters for the REST API and the console."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from django.db.models import Exists, OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat, Left, Replace, StrIndex, Substr

from orchestrator.api.queries.rows import rows
from orchestrator.core.ids import new_id
from orchestrator.core.ops import Status
from orchestrator.models import Event, Run, RunData, RunEvent

RARE = 1_000
WITH_ERROR = (Status.FAILED, Status.TIMED_OUT, Status.EXPIRED, Status.CANCELLED, Status.BLOCKED)
HEAD, MIDDLE, TAIL = '{"type":"', '","message":"', '","traceback":'


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """What is not given does not matter. Runs are queued from ``since`` on and before ``until``."""

    event_id: str | None = None
    event_name: str | None = None
    function: str | None = None
    statuses: Sequence[Status] = ()
    since: datetime | None = None
    until: datetime | None = None
    error: str | None = None


def chosen_runs(env: int, chosen: RunFilter) -> QuerySet[Run]:
    """The runs of an environment that a filter lets through, in no order."""
    found = rows(Run).filter(env=env)
    if chosen.event_id is not None:
        found = found.filter(id__in=rows(RunEvent).filter(event=chosen.event_id).values("run"))
    if chosen.function is not None:
        found = found.filter(function=chosen.function)
    if chosen.statuses:
        found = found.filter(status__in=[str(status) for status in chosen.statuses])
    # A run's id begins with the millisecond it was queued in, and lists are in the order of ids.
    if chosen.since is not None:
        found = found.filter(id__gte=new_id(chosen.since, bytes(10)))
    if chosen.until is not None:
        found = found.filter(id__lt=new_id(chosen.until, bytes(10)))
    if chosen.event_name is not None:
        found = _started_by(found, env, chosen.event_name)
    if chosen.error is not None:
        found = _with_error(found, chosen.error)
    return found


def _started_by(found: QuerySet[Run], env: int, name: str) -> QuerySet[Run]:
    """From the events when they are few, from the newest run on when they are many: SQLite would try only one way."""
    events = rows(Event).filter(env=env, name=name)
    if len(events.values_list("id")[: RARE + 1]) <= RARE:
        return found.filter(id__in=rows(RunEvent).filter(event__in=events.values("id")).values("run"))
    links = rows(RunEvent).filter(Exists(events.filter(id=OuterRef("event"))), run=OuterRef("id"))
    return found.filter(Exists(links))


def _with_error(found: QuerySet[Run], text: str) -> QuerySet[Run]:
    """By type and message as lists show them, ``ValueError: no such order``; the traceback does not count."""
    stored = Concat(Cast("error", TextField()), Value(TAIL))
    shown = Replace(Left(stored, StrIndex(stored, Value(TAIL))), Value(MIDDLE), Value(": "))
    told = rows(RunData).filter(run=OuterRef("id"), error__isnull=False)
    needle = orjson.dumps(text).decode()[1:-1]
    matching = told.annotate(told=Substr(shown, len(HEAD) + 1)).filter(told__icontains=needle)
    return found.filter(Exists(matching), status__in=[str(status) for status in WITH_ERROR])
