"""The filters of the runs list, as the address tells them: read, said in chips, and written again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse

from console.presenters.text import STATUS_WORDS
from orchestrator.api.queries.run_filter import RunFilter, chosen_runs
from orchestrator.core.errors import InvalidInput
from orchestrator.core.ids import parse_id
from orchestrator.core.moments import parse_moment
from orchestrator.core.ops import RUN_STATUSES, Status
from orchestrator.models import Run

GROUPS: Mapping[str, tuple[Status, ...]] = {
    "running": (Status.QUEUED, Status.DELAYED, Status.RUNNING, Status.RETRYING),
    "waiting": (Status.SLEEPING, Status.WAITING, Status.PAUSED, Status.BLOCKED),
    "failed": (Status.FAILED, Status.TIMED_OUT, Status.EXPIRED),
    "completed": (Status.COMPLETED,),
    "cancelled": (Status.CANCELLED, Status.SKIPPED),
}
PRESETS = {"15m": "15 minutes", "1h": "hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
MOST_CHARACTERS = {"function": 200, "event_name": 512, "error": 200}
WORDS = {
    "status": "Status", "function": "Function", "event": "Event", "event_name": "Event name", "since": "From",
    "until": "To", "error": "Text of the error",
}  # fmt: skip
FIELD = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set: its words, the address without it, and what to say when it alone matches nothing."""

    word: str
    value: str
    without: str
    nothing: str
    alone: "Filters"
    href: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a filter, and the address without it."""

    name: str
    word: str
    text: str
    without: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list shows; what is empty does not matter. ``faults`` says what is wrong, by name of the filter."""

    env: int
    statuses: tuple[Status, ...] = ()
    function: str = ""
    event: str = ""
    event_name: str = ""
    since: str = ""
    until: str = ""
    error: str = ""
    children: bool = False
    faults: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, env: int, query: QueryDict) -> "Filters":
        faults: dict[str, str] = {}
        now = datetime.now(UTC)

        def text(name: str, check: Callable[[str], object] = lambda text: None) -> str:
            given = next((value.strip() for value in reversed(query.getlist(name)) if value.strip()), "")
            if fault := _fault(name, given, check):
                faults[name] = fault
            return given

        statuses = tuple(dict.fromkeys(status for status in RUN_STATUSES if status in query.getlist("status")))
        unknown = [given for given in query.getlist("status") if given and given not in RUN_STATUSES]
        if unknown:
            faults["status"] = f"“{unknown[0][:40]}” is no status of a run."
        since, until = (text(name, lambda value: parse_moment(value, now)) for name in ("since", "until"))
        both = since and until and not {"since", "until"} & faults.keys()
        if both and parse_moment(since, now) >= parse_moment(until, now):
            faults["until"] = "This time ends before it begins."
        return cls(
            env, statuses, text("function"), text("event", parse_id), text("event_name"), since, until, text("error"),
            query.get("children") == "1", faults,
        )  # fmt: skip

    @property
    def narrowed(self) -> bool:
        """Whether something is asked for by name: then child runs belong to the answer."""
        return bool(self.statuses or self.function or self.event or self.event_name or self.error)

    @property
    def filtered(self) -> bool:
        return bool(self.narrowed or self.since or self.until or self.faults)

    @property
    def group(self) -> str:
        """The tab whose statuses these are: '' for all, '-' for a choice of one's own."""
        found = (name for name, statuses in GROUPS.items() if set(statuses) == set(self.statuses))
        return next(found, "-" if self.statuses or "status" in self.faults else "")

    def runs(self) -> QuerySet[Run]:
        if self.faults:
            return Run.objects.none()
        now = datetime.now(UTC)
        chosen = RunFilter(
            event_id=parse_id(self.event) if self.event else None,
            event_name=self.event_name or None,
            function=self.function or None,
            statuses=self.statuses,
            since=parse_moment(self.since, now) if self.since else None,
            until=parse_moment(self.until, now) if self.until else None,
            error=self.error or None,
        )
        runs = chosen_runs(self.env, chosen)
        return runs if self.children or self.narrowed else runs.filter(parent=None)

    def query(self, **changes: str | Sequence[str]) -> str:
        """The query string that shows this, with ``changes``."""
        values = {
            "status": self.statuses, "function": self.function, "event": self.event, "event_name": self.event_name,
            "since": self.since, "until": self.until, "error": self.error, "children": "1" if self.children else "",
        }  # fmt: skip
        return "?" + urlencode({name: value for name, value in (values | changes).items() if value}, doseq=True)

    def told_faults(self) -> list[Fault]:
        return [
            Fault(name, WORDS[name], text, self.query() if name == "status" else self.query(**{name: ""}))
            for name, text in self.faults.items()
        ]

    def chips(self) -> list[Chip]:
        """One for each filter that can be read, in the order of the address."""
        chips = [self._status_chip(status) for status in self.statuses]
        said = (
            ("function", "function", self.function, f"No run of function {self.function}."),
            ("event", "event", f"…{self.event[18:]}", "No run was started by this event."),
            ("event_name", "event", self.event_name, f"No run was started by an event named {self.event_name}."),
            ("since", "since", _said(self.since), f"No run was queued since {_said(self.since)}."),
            ("until", "until", _said(self.until), f"No run was queued before {_said(self.until)}."),
            ("error", "error has", f"“{self.error}”", f"No error says “{self.error}”."),
        )
        for name, word, value, nothing in said:
            if getattr(self, name) and name not in self.faults:
                alone = replace(Filters(self.env), **{name: getattr(self, name)})
                href = reverse("console:event", args=[self.event]) if name == "event" else ""
                chips.append(Chip(word, value, self.query(**{name: ""}), nothing, alone, href))
        return chips

    def _status_chip(self, status: Status) -> Chip:
        word, others = STATUS_WORDS[status], [other for other in self.statuses if other is not status]
        return Chip(
            "status", word, self.query(status=others), f"No run is {word.lower()}.", Filters(self.env, (status,))
        )


def in_span(start: datetime, end: datetime) -> dict[str, str]:
    """Parameters for the runs queued from ``start`` on and before ``end``."""
    return {"since": f"{start:{FIELD}}Z", "until": f"{end:{FIELD}}Z"}


def moment_field(moment: str) -> str:
    """What a date and time field shows of a moment of the address: nothing when that is a length of time."""
    if moment[4:5] != "-":
        return ""
    try:
        return f"{parse_moment(moment, datetime.now(UTC)):{FIELD}}"
    except InvalidInput:
        return ""


def _fault(name: str, given: str, check: Callable[[str], object]) -> str:
    if "\0" in given:
        return "It holds a NUL character."
    most = MOST_CHARACTERS.get(name, 100)
    if len(given) > most:
        return f"It is too long: at most {most} characters."
    try:
        if given:
            check(given)
    except InvalidInput as error:
        return f"{str(error)[0].upper()}{str(error)[1:]}."
    return ""


def _said(moment: str) -> str:
    """A moment of the address in words: a length of time as it was written, any other in UTC."""
    if field := moment_field(moment):
        return f"{field.replace('T', ' ')} UTC"
    return "an hour ago" if moment == "1h" else f"{PRESETS.get(moment, moment)} ago"
