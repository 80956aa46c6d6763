"""The shapes of the API's answers: plain values, and what OpenAPI says of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field

from orchestrator.core.ops import OpKind, Status

T = TypeVar("T")

Id = Annotated[str, Field(description="ULID: 26 characters.")]
Moment = Annotated[datetime, Field(description="ISO 8601, UTC, with microseconds.")]
Json = Annotated[Any, Field(description="Any JSON value.")]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. ``next_cursor`` asks for what follows; null on the last page."""

    data: list[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Error:
    """Why a run or an attempt failed."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a step. Every one is kept."""

    number: Annotated[int, Field(description="Counts from 1.")]
    status: Status
    queued_at: Moment | None
    started_at: Moment | None
    ended_at: Moment | None
    worker: str
    error: Error | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a run with all its attempts."""

    id: Annotated[str, Field(description="Its id in the run: name, with :1, :2 when the name is used again.")]
    name: Annotated[str, Field(description="As the author wrote it.")]
    op: OpKind
    status: Status
    started_at: Moment | None
    ended_at: Moment | None
    output: Json
    attempts: list[Attempt]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, as its author said last."""

    fraction: Annotated[float, Field(description="From 0 to 1.")]
    message: str
    at: Moment


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes of a run with a machine used in one second."""

    second: Annotated[int, Field(description="Whole seconds since the run began.")]
    cpu_percent: Annotated[float, Field(description="100 is one core.")]
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a function."""

    id: Id
    function: str
    status: Status
    trigger: Annotated[str, Field(description="event, cron, call, invoke, replay or failure.")]
    event_ids: Annotated[list[str], Field(description="The events it was started with, in order.")]
    input: Annotated[Any, Field(description="The payload of a call, else its event's data. As output in lists.")]
    output: Annotated[Any, Field(description="What the function returned. Null in lists if it is over 64 KB.")]
    error: Error | None
    waiting_for: Annotated[list[str], Field(description="A sentence for each open wait, and for what holds it back.")]
    queued_at: Moment
    started_at: Moment | None
    ended_at: Moment | None
    parent_run_id: str | None
    replay_of: Annotated[str | None, Field(description="The run this one repeats.")]
    tags: list[str]
    progress: Annotated[Progress | None, Field(description="What ctx.progress told last. Always null in lists.")]
    samples: Annotated[list[Sample], Field(description="At most 600, evenly spaced. Always empty in lists.")]
    steps: Annotated[list[Step], Field(description="In order of first appearance. Always empty in lists.")]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A function that listens to an event and did not start."""

    function: str
    reason: str
    run_id: Annotated[str | None, Field(description="The run that it started before, or that has the event's place.")]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    id: Id
    name: str
    data: Json
    user: Json
    v: str | None
    ts: Annotated[datetime, Field(description="When it happened, as its sender said.")]
    external_id: Annotated[str | None, Field(description="The id its sender gave.")]
    duplicate_of: Annotated[str | None, Field(description="The first event with this external_id; starts no runs.")]
    retrigger_of: Annotated[str | None, Field(description="The event this one repeats.")]
    source: Annotated[str, Field(description="api, app, run, console or engine.")]
    source_run_id: Annotated[str | None, Field(description="The run that sent it.")]
    skipped: list[Skipped]
    received_at: Moment


@dataclass(frozen=True, slots=True)
class Function:
    """A registered function or task."""

    id: str
    name: str
    kind: Annotated[str, Field(description="function: started by triggers; task: called by name.")]
    triggers: Annotated[list[dict[str, Any]], Field(description='{"event", "if"?} or {"cron", "tz"?}.')]
    retries: Json
    queue: str
    doc: str
    payload_schema: Annotated[Any, Field(description="JSON Schema of its data; null if it declares none.")]
    version: str
    registered_at: Moment
    removed_at: Annotated[datetime | None, Field(description="When its code went away; it starts no more runs.")]
    expected_within: Annotated[
        float | None, Field(description="Seconds after its last success in which the next one is expected.")
    ]
    overdue_since: Annotated[
        datetime | None, Field(description="No run has completed in time since then: see expected_within.")
    ]
    last_success_at: Annotated[datetime | None, Field(description="To the second; only where one is expected.")]


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact in a run's history. ``seq`` is dense: 1, 2, 3."""

    seq: int
    kind: Annotated[str, Field(description="Such as run.queued or step.completed.")]
    step_id: Annotated[str, Field(description="Empty for facts about the run itself.")]
    attempt: Annotated[int, Field(description="0 where no attempt is meant.")]
    at: Moment
    actor: str
    data: Json


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line logged or printed inside a run."""

    id: int
    step_id: Annotated[str, Field(description="Empty outside steps.")]
    attempt: int
    at: Moment
    level: str
    logger: str
    message: str


@dataclass(frozen=True, slots=True)
class EventIds:
    """Ids of stored events, in the order they were sent."""

    ids: list[str]


@dataclass(frozen=True, slots=True)
class EventId:
    event_id: Id


@dataclass(frozen=True, slots=True)
class RunId:
    run_id: Id


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A part of a request that is wrong."""

    location: Annotated[str, Field(description="path, query or body.")]
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What every error answers (RFC 9457), as application/problem+json."""

    type: str
    title: str
    status: int
    detail: str
    code: Annotated[str, Field(description="Stable word for programs, such as run_not_found.")]
    index: Annotated[int | None, Field(description="In a list of events: the one that is wrong.")] = None
    errors: Annotated[list[FieldFault] | None, Field(description="The fields that are wrong.")] = None
