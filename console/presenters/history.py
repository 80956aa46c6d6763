"""The history of a run: its journal, told in words, by pages and by kinds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from django.db.models import Count, QuerySet

from console.presenters.text import between
from orchestrator.models import Journal, Run

PAGE_SIZE = 200
FACT_CHARACTERS = 160
KIND_WORDS = {
    "run.queued": "Queued",
    "run.delayed": "Delayed",
    "run.debounced": "Debounced: a later event took its place",
    "run.batched": "Joined by further events",
    "run.started": "Started",
    "run.resumed": "Went on",
    "run.sleeping": "Fell asleep",
    "run.waiting": "Began to wait",
    "run.retrying": "Will be tried again",
    "run.recovered": "Recovered from a lost worker",
    "run.crashed": "Its process died",
    "run.enlarged": "Ran out of memory, goes on with a larger machine",
    "run.blocked": "Blocked",
    "run.completed": "Completed",
    "run.failed": "Failed",
    "run.cancelled": "Cancelled",
    "run.skipped": "Skipped",
    "run.timed_out": "Timed out",
    "step.started": "Step started",
    "step.completed": "Step completed",
    "step.failed": "Step failed for good",
    "step.retrying": "Step failed, will be tried again",
    "step.sleeping": "Step fell asleep",
    "step.waiting": "Step began to wait",
    "step.timed_out": "Step timed out",
    "step.cancelled": "Step cancelled",
    "signal.received": "Signal received",
    "cancel.requested": "Cancel requested",
    "result.refused": "Late result refused",
}
# The glyph of a kind, where it is not the status that the kind is named after.
GLYPHS = {"started": "running", "resumed": "running", "recovered": "lost", "received": "completed", "refused": "lost"}
GLYPHS |= {
    "debounced": "delayed",
    "batched": "delayed",
    "requested": "cancelled",
    "crashed": "lost",
    "enlarged": "lost",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing an entry tells; ``cut`` when only its beginning is here."""

    name: str
    value: str
    cut: bool


@dataclass(frozen=True, slots=True)
class Entry:
    seq: int
    at: datetime
    clock: str
    offset: str
    kind: str
    word: str
    glyph: str
    step: str
    attempt: int
    actor: str
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Kind:
    """A filter: how many entries are of that kind, and the address that adds it to the filter or takes it away."""

    name: str
    word: str
    number: int
    chosen: bool
    href: str


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Entries in the order in which they were written, and the numbers beyond which there are others."""

    entries: Sequence[Entry]
    kinds: Sequence[Kind]
    number: int
    earlier: int | None
    later: int | None
    query: str

    @property
    def last(self) -> int:
        return self.entries[-1].seq if self.entries else 0


def history_page(run: Run, kinds: Sequence[str], after: int = 0, before: int | None = None) -> HistoryPage:
    """A page of the journal: two queries, however long it is."""
    counted = dict(
        Journal.objects.filter(run=run.id).values_list("kind").annotate(number=Count("seq")).order_by("kind")
    )
    chosen = [kind for kind in kinds if kind in KIND_WORDS or kind in counted]
    rows = _rows(run, chosen)
    if before is not None:
        found = list(rows.filter(seq__lt=before).order_by("-seq")[: PAGE_SIZE + 1])
        shown = found[:PAGE_SIZE][::-1]
        has_earlier, has_later = len(found) > PAGE_SIZE, bool(shown)
    else:
        found = list(rows.filter(seq__gt=after).order_by("seq")[: PAGE_SIZE + 1])
        shown = found[:PAGE_SIZE]
        has_earlier, has_later = after > 0 and bool(shown), len(found) > PAGE_SIZE
    has_later = has_later and shown[-1].seq < run.seq
    number = sum(n for kind, n in counted.items() if not chosen or kind in chosen)
    return HistoryPage(
        entries=[_entry(run, row) for row in shown],
        kinds=_kinds(counted, chosen),
        number=number,
        earlier=shown[0].seq if has_earlier else None,
        later=shown[-1].seq if has_later else None,
        query=_query(chosen),
    )


def entries_after(run: Run, kinds: Sequence[str], after: int) -> list[Entry]:
    """What came since, at most a page."""
    rows = _rows(run, [kind for kind in kinds if "\0" not in kind])
    return [_entry(run, row) for row in rows.filter(seq__gt=after).order_by("seq")[:PAGE_SIZE]]


def history_json(run: Run) -> Iterator[bytes]:
    """The whole history as one JSON document, in pieces."""
    head = {"run": run.id, "function": run.function, "status": run.status, "replay_of": run.replay_of}
    yield orjson.dumps(head)[:-1] + b',"entries":['
    rows = Journal.objects.filter(run=run.id).order_by("seq")
    for place, row in enumerate(rows.iterator(chunk_size=2_000)):
        told = {"seq": row.seq, "at": row.at, "kind": row.kind, "step": row.key or None, "attempt": row.number or None}
        yield (b",\n" if place else b"\n") + orjson.dumps(told | {"actor": row.actor or None, "data": row.data})
    yield b"\n]}\n"


def _rows(run: Run, kinds: Sequence[str]) -> QuerySet[Journal]:
    rows = Journal.objects.filter(run=run.id)
    return rows.filter(kind__in=kinds) if kinds else rows


def _entry(run: Run, row: Journal) -> Entry:
    data: Mapping[str, Any] = row.data if isinstance(row.data, dict) else {}
    return Entry(
        seq=row.seq,
        at=row.at,
        clock=row.at.strftime("%H:%M:%S.%f" if row.at.date() == run.queued_at.date() else "%d %b %H:%M:%S.%f")[:-3],
        offset=between(run.queued_at, row.at),
        kind=row.kind,
        word=KIND_WORDS.get(row.kind, row.kind),
        glyph=GLYPHS.get(row.kind.partition(".")[2], row.kind.partition(".")[2]),
        step=row.key,
        attempt=row.number if row.key else 0,
        actor=row.actor or str(data.get("actor") or ""),
        facts=[_fact(name, value) for name, value in data.items() if value not in (None, "") and name != "actor"],
    )


def _fact(name: str, value: Any) -> Fact:
    text = _moment(value) if isinstance(value, str) else orjson.dumps(value).decode()
    return Fact(name.replace("_", " "), text[:FACT_CHARACTERS], len(text) > FACT_CHARACTERS)


def _moment(text: str) -> str:
    """A moment as the other times of the page are told; any other text as it is."""
    try:
        at = datetime.fromisoformat(text) if len(text) > 18 and text[10] == "T" else None
    except ValueError:
        at = None
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if at else text


def _kinds(counted: Mapping[str, int], chosen: Sequence[str]) -> list[Kind]:
    known = [*KIND_WORDS, *(kind for kind in counted if kind not in KIND_WORDS)]
    return [_kind(name, counted.get(name, 0), chosen) for name in known if name in counted or name in chosen]


def _kind(name: str, number: int, chosen: Sequence[str]) -> Kind:
    return Kind(name, KIND_WORDS.get(name, name), number, name in chosen, _query(_toggled(chosen, name)) or "?")


def _toggled(chosen: Sequence[str], kind: str) -> list[str]:
    return [each for each in chosen if each != kind] if kind in chosen else [*chosen, kind]


def _query(kinds: Sequence[str]) -> str:
    return f"?{urlencode([('kind', kind) for kind in kinds])}" if kinds else ""
