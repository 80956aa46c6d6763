"""What a channel sends: read from the database each time, so that a lost bell costs only time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
from django.core.exceptions import TooManyFieldsSent
from django.http import QueryDict

from console.presenters import waterfall
from console.presenters.run_filters import Filters
from console.presenters.run_list import COUNT_CAP, PAGE_SIZE
from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id
from orchestrator.core.ops import Status
from orchestrator.models import Event, Run, RunEvent
from orchestrator.models.fields import to_micros

MOST_ROWS = 1_000
MOST_BYTES = 262_144
RUN_SECONDS = 0.1
LIST_SECONDS = 0.5

Frame = dict[str, Any]


class Feed(Protocol):
    """One subscription's cursor. ``read`` returns the next frame without its channel, or None when nothing is new."""

    interval_seconds: float
    settled: bool

    def touched(self, runs: frozenset[str]) -> bool: ...
    def read(self) -> Frame | None: ...


@dataclass(slots=True)
class RunFeed:
    """The steps of a run that changed since ``rev``."""

    env: int
    run_id: str
    rev: int
    interval_seconds: float = RUN_SECONDS
    settled: bool = False

    def touched(self, runs: frozenset[str]) -> bool:
        return self.run_id in runs

    def read(self) -> Frame | None:
        run = Run.objects.filter(id=self.run_id, env=self.env).first()
        if run is None:  # deleted: whoever asks for its trace is told so
            told, self.settled = self.settled, True
            return None if told else {"t": "r", "rev": self.rev}
        if run.seq <= self.rev:
            self.settled = Status(run.status).final
            return None
        keys = waterfall.changed_keys(run.id, self.rev, run.seq)
        behind, self.rev = self.rev, run.seq
        self.settled = Status(run.status).final
        if keys is None or len(keys) > MOST_ROWS:
            return {"t": "r", "rev": run.seq}
        trace = waterfall.read_trace(run, keys)
        now = to_micros(datetime.now(UTC))
        steps = waterfall.wire_steps(trace)
        frame = {"t": "d", "p": behind, "rev": run.seq, "now": now, "run": waterfall.wire_run(trace), "s": steps}
        return frame if len(orjson.dumps(frame)) <= MOST_BYTES else {"t": "r", "rev": run.seq}


@dataclass(slots=True)
class RunListFeed:
    """How many runs came after ``top``, and which of the runs shown moved on from the journal entry shown."""

    filters: Filters
    top: str
    shown: dict[str, int]
    rev: int
    interval_seconds: float = LIST_SECONDS
    settled: bool = False
    told: int = 0

    def touched(self, runs: frozenset[str]) -> bool:
        return bool(runs)

    def read(self) -> Frame | None:
        current = dict(Run.objects.filter(id__in=list(self.shown)).values_list("id", "seq"))
        moved = [id for id, seq in current.items() if seq != self.shown[id]]
        newer = self.filters.runs().order_by("id")
        number = len((newer.filter(id__gt=self.top) if self.top else newer).values_list("id")[: COUNT_CAP + 1])
        if not moved and number == self.told:
            return None
        self.shown |= current
        self.told, self.rev = number, self.rev + 1
        return {"t": "n", "rev": self.rev, "new": number, "upd": moved}


@dataclass(slots=True)
class EventListFeed:
    """How many events came after ``top``."""

    env: int
    name: str
    top: str
    rev: int
    interval_seconds: float = LIST_SECONDS
    settled: bool = False
    told: int = 0

    def touched(self, runs: frozenset[str]) -> bool:
        return bool(runs)

    def read(self) -> Frame | None:
        newer = Event.objects.filter(env=self.env).order_by("id")
        newer = newer.filter(name=self.name) if self.name else newer
        number = len((newer.filter(id__gt=self.top) if self.top else newer).values_list("id")[: COUNT_CAP + 1])
        if number == self.told:
            return None
        self.told, self.rev = number, self.rev + 1
        return {"t": "n", "rev": self.rev, "new": number}


@dataclass(slots=True)
class EventFeed:
    """That something an event caused has changed."""

    env: int
    event_id: str
    rev: int
    interval_seconds: float = LIST_SECONDS
    settled: bool = False
    told: object = field(default=None)

    def touched(self, runs: frozenset[str]) -> bool:
        return bool(runs)

    def read(self) -> Frame | None:
        links = RunEvent.objects.filter(event=self.event_id).values("run")
        runs = list(Run.objects.filter(id__in=links, env=self.env).order_by("id").values_list("id", "seq"))
        if runs == self.told:
            return None
        self.told, self.rev = runs, self.rev + 1
        return {"t": "n", "rev": self.rev}


def open_feed(env: int, channel: str, frame: Mapping[str, Any]) -> Feed | None:
    """The feed a client asks for by ``sub``, None when it asks for what does not exist."""
    kind, _, rest = channel.partition(":")
    rev = frame.get("rev")
    rev = rev if isinstance(rev, int) else 0
    try:
        query = QueryDict(rest.removeprefix("?"))
        match kind:
            case "run":
                return RunFeed(env, parse_id(rest), rev)
            case "event":
                return EventFeed(env, parse_id(rest), rev)
            case "events":
                return EventListFeed(env, query.get("name", ""), _top(frame), rev)
            case "runs":
                return RunListFeed(Filters.read(env, query), _top(frame), _shown(frame), rev)
            case _:
                return None
    except (InvalidId, TooManyFieldsSent):
        return None


def _top(frame: Mapping[str, Any]) -> str:
    return parse_id(str(frame["top"])) if frame.get("top") else ""


def _shown(frame: Mapping[str, Any]) -> dict[str, int]:
    shown = frame.get("ids")
    pairs = list(shown.items())[:PAGE_SIZE] if isinstance(shown, dict) else []
    return {parse_id(id): seq for id, seq in pairs if isinstance(seq, int)}
