"""What the client takes and gives: plain values, as the API describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.core.ops import OpKind, Status


@dataclass(frozen=True, slots=True)
class Event:
    """An event to send. ``id`` makes sending it twice harmless; one is made up when it is left out.

    ``ts`` is when it happened; one in the future delays the runs it starts. ``data`` may be a dataclass or a pydantic
    model.
    """

    name: str
    data: Any = field(default_factory=dict)
    id: str | None = None
    ts: datetime | None = None
    user: Mapping[str, Any] | None = None
    v: str | None = None


@dataclass(frozen=True, slots=True)
class RunError:
    """Why a run or an attempt failed. ``type`` is the name of the exception."""

    type: str
    message: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a step."""

    number: int
    status: Status
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    worker: str
    error: RunError | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a run with all its attempts."""

    id: str
    name: str
    op: OpKind
    status: Status
    started_at: datetime | None
    ended_at: datetime | None
    output: Any
    attempts: list[Attempt]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, from 0 to 1, as it said last."""

    fraction: float
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes of a run used in a second since its beginning; 100 percent is one core."""

    second: int
    cpu_percent: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a function. Lists have neither ``steps`` nor ``progress`` and ``samples``."""

    id: str
    function: str
    status: Status
    trigger: str
    event_ids: list[str]
    input: Any
    output: Any
    error: RunError | None
    waiting_for: list[str]
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    parent_run_id: str | None
    replay_of: str | None
    tags: list[str]
    steps: list[Step]
    progress: Progress | None = None
    samples: list[Sample] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.status.final


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A part of a request that was refused."""

    location: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """The body of an error answer (RFC 9457)."""

    status: int
    code: str
    detail: str
    index: int | None = None
    errors: list[FieldFault] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list of runs."""

    data: list[Run]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class EventIds:
    ids: list[str]


@dataclass(frozen=True, slots=True)
class RunId:
    run_id: str
