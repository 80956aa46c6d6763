"""The runs list: filters from the address, a page by keyset, and rows with what decides whether to open one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from console.presenters.text import STATUS_WORDS, between, first_line
from console.presenters.waiting import waiting_for
from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id
from orchestrator.core.ops import Status
from orchestrator.models import Event, Function, Run, RunData, RunEvent, Wait

PAGE_SIZE = 50
COUNT_CAP = 100
TABS: Mapping[str, tuple[Status, ...]] = {
    "running": (Status.QUEUED, Status.DELAYED, Status.RUNNING, Status.RETRYING),
    "waiting": (Status.SLEEPING, Status.WAITING, Status.PAUSED, Status.BLOCKED),
    "failed": (Status.FAILED, Status.TIMED_OUT, Status.EXPIRED),
    "completed": (Status.COMPLETED,),
    "cancelled": (Status.CANCELLED, Status.SKIPPED),
}
COUNTED = ("running", "waiting", "failed")
TRIGGER_WORDS = {"cron": "Schedule", "call": "Call", "invoke": "Parent run", "replay": "Replay", "failure": "Failure"}


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list shows; the empty string means no limit."""

    env: int
    tab: str = ""
    function: str = ""
    event: str = ""
    children: bool = False

    @property
    def narrowed(self) -> bool:
        """Whether something is asked for by name: then child runs belong to the answer."""
        return bool(self.tab or self.function or self.event)

    @classmethod
    def read(cls, env: int, query: Mapping[str, Any]) -> "Filters":
        tab = str(query.get("status", ""))
        function, event = str(query.get("function", "")), _id(query.get("event", ""))
        return cls(env, tab if tab in TABS else "", function, event, query.get("children") == "1")

    def runs(self) -> QuerySet[Run]:
        runs = Run.objects.filter(env=self.env)
        if not (self.children or self.narrowed):
            runs = runs.filter(parent=None)
        if self.tab:
            runs = runs.filter(status__in=TABS[self.tab])
        if self.function:
            runs = runs.filter(function=self.function)
        if self.event:
            runs = runs.filter(id__in=RunEvent.objects.filter(event=self.event).values("run"))
        return runs

    def query(self, **changes: str) -> str:
        """The query string that shows this, with ``changes``."""
        values = {"status": self.tab, "function": self.function, "event": self.event} | changes
        values |= {"children": "1" if self.children else ""}
        kept = {name: value for name, value in values.items() if value}
        return f"?{urlencode(kept)}" if kept else "?"


@dataclass(frozen=True, slots=True)
class Page:
    """Runs newest first, and the ids beyond which there are newer and older ones."""

    runs: Sequence[Run]
    newer: str | None
    older: str | None


def page(filters: Filters, before: str = "", after: str = "", size: int = PAGE_SIZE) -> Page:
    """One page: after the id ``before`` going back in time, or the one just newer than ``after``."""
    before, after = _id(before), _id(after)
    runs = filters.runs()
    if after:
        found = list(runs.filter(id__gt=after).order_by("id")[: size + 1])
        shown = found[:size][::-1]
        return Page(shown, shown[0].id if len(found) > size else None, shown[-1].id if shown else None)
    if before:
        runs = runs.filter(id__lt=before)
    found = list(runs.order_by("-id")[: size + 1])
    shown = found[:size]
    return Page(shown, shown[0].id if before and shown else None, shown[-1].id if len(found) > size else None)


@dataclass(frozen=True, slots=True)
class RunRow:
    run: Run
    word: str
    event: Event | None
    trigger: str
    note: str
    note_kind: str
    duration: str

    @property
    def open(self) -> bool:
        return self.run.ended_at is None


def rows(runs: Sequence[Run]) -> list[RunRow]:
    """Runs with their trigger, error or wait: the same four queries whatever the number of runs."""
    ids = [run.id for run in runs]
    events = _first_events(ids)
    failed = [run.id for run in runs if run.status in TABS["failed"]]
    errors = dict(RunData.objects.filter(run__in=failed).values_list("run", "error"))
    waits: dict[str, list[Wait]] = {}
    for wait in Wait.objects.filter(run__in=[run.id for run in runs if not run.ended_at]).order_by("due_at"):
        waits.setdefault(wait.run, []).append(wait)
    return [_row(run, events.get(run.id), errors.get(run.id), waits.get(run.id, [])) for run in runs]


def counts(filters: Filters) -> dict[str, str]:
    """How many runs each of the lively tabs has, ``99+`` from a hundred on."""
    found = {}
    for tab in COUNTED:
        runs = Filters(filters.env, tab, filters.function, filters.event).runs()
        number = len(runs.order_by().values_list("id")[:COUNT_CAP])
        found[tab] = f"{COUNT_CAP - 1}+" if number >= COUNT_CAP else str(number)
    return found


def function_slugs(env: int) -> list[str]:
    return list(Function.objects.filter(env=env).order_by("slug").values_list("slug", flat=True))


def _row(run: Run, event: Event | None, error: Mapping[str, str] | None, waits: Iterable[Wait]) -> RunRow:
    note, kind = "", ""
    if error:
        note, kind = f"{error.get('type', 'Error')}: {first_line(error.get('message', ''))}", "error"
    elif sentences := waiting_for(waits):
        more = f" and {len(sentences) - 1} more" if len(sentences) > 1 else ""
        note, kind = sentences[0] + more, "wait"
    return RunRow(
        run=run,
        word=STATUS_WORDS[Status(run.status)],
        event=event,
        trigger=TRIGGER_WORDS.get(run.trigger, "Event"),
        note=note,
        note_kind=kind,
        duration=between(run.started_at, run.ended_at) if run.ended_at else "",
    )


def _first_events(run_ids: Sequence[str]) -> dict[str, Event]:
    links = dict(RunEvent.objects.filter(run__in=run_ids, n=0).values_list("run", "event"))
    events = Event.objects.defer("data", "user", "skipped").in_bulk(set(links.values()))
    return {run: events[event] for run, event in links.items() if event in events}


def _id(text: Any) -> str:
    try:
        return parse_id(str(text))
    except InvalidId:
        return ""
