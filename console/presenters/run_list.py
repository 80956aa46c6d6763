"""The runs list: a page by keyset, rows with what decides whether to open one, and how many there are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from console.presenters.run_filters import GROUPS, Chip, Filters
from console.presenters.text import STATUS_WORDS, between, first_line
from console.presenters.waiting import waiting_for
from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id
from orchestrator.core.ops import Status
from orchestrator.models import Event, Function, Run, RunData, RunEvent, Wait

PAGE_SIZE = 50
COUNT_CAP = 100
COUNTED = ("running", "waiting", "failed")
TRIGGER_WORDS = {"cron": "Schedule", "call": "Call", "invoke": "Parent run", "replay": "Replay", "failure": "Failure"}


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
    failed = [run.id for run in runs if run.status in GROUPS["failed"]]
    errors = dict(RunData.objects.filter(run__in=failed).values_list("run", "error"))
    waits: dict[str, list[Wait]] = {}
    for wait in Wait.objects.filter(run__in=[run.id for run in runs if not run.ended_at]).order_by("due_at"):
        waits.setdefault(wait.run, []).append(wait)
    return [_row(run, events.get(run.id), errors.get(run.id), waits.get(run.id, [])) for run in runs]


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    word: str
    href: str
    count: str


def tabs(filters: Filters) -> list[Tab]:
    """All, and the groups of statuses: the lively ones with how many the other filters leave them."""
    found = [Tab("", "All", filters.query(status=()), "")]
    for name, statuses in GROUPS.items():
        number = count(replace(filters, statuses=statuses)) if name in COUNTED else ""
        found.append(Tab(name, name.capitalize(), filters.query(status=statuses), "" if number == "0" else number))
    return found


def count(filters: Filters, page: Page | None = None) -> str:
    """How many runs there are, ``100+`` when there are more. The only page of them is told, not asked again."""
    if page is not None and page.newer is None and page.older is None and page.runs:
        return str(len(page.runs))
    number = len(filters.runs().order_by().values_list("id")[: COUNT_CAP + 1])
    return f"{COUNT_CAP}+" if number > COUNT_CAP else str(number)


def matchless(chips: Sequence[Chip]) -> Sequence[Chip]:
    """Of filters that together match nothing those that do by themselves: at most one query a filter."""
    return chips if len(chips) == 1 else [chip for chip in chips if not chip.alone.runs().exists()]


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
