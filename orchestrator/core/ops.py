"""The contract between the engine and whatever executes a function: plain values, the same on every executor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Status of a run, a step and an attempt: one vocabulary everywhere."""

    QUEUED = "queued"
    DELAYED = "delayed"
    RUNNING = "running"
    RETRYING = "retrying"
    SLEEPING = "sleeping"
    WAITING = "waiting"
    PAUSED = "paused"
    BLOCKED = "blocked"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"
    SKIPPED = "skipped"
    LOST = "lost"  # attempts only: the worker died in it

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT, Status.EXPIRED, Status.SKIPPED})
RUN_STATUSES = tuple(status for status in Status if status is not Status.LOST)


class OpKind(StrEnum):
    """What a step is."""

    FUNCTION = "function"  # the run itself: attempt key ''
    RUN = "run"
    TRANSACTION = "transaction"
    SLEEP = "sleep"
    WAIT_FOR_EVENT = "wait_for_event"
    WAIT_FOR_SIGNAL = "wait_for_signal"
    INVOKE = "invoke"
    SEND_EVENT = "send_event"


class WaitKind(StrEnum):
    """What an open wait waits for."""

    TIMER = "timer"
    EVENT = "event"
    SIGNAL = "signal"
    CHILD = "child"
    RETRY = "retry"


class MessageKind(StrEnum):
    """What others may leave in a run's inbox."""

    EVENT = "event"
    CHILD_END = "child_end"
    SIGNAL = "signal"
    CANCEL = "cancel"
    REFUSED = "refused"


OUT_OF_MEMORY = "OutOfMemory"  # the type of an error: more memory was used than the run's machine has


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """A failure as stored and shown. ``retry_after_seconds`` is what the author asked for by RetryAfter."""

    type: str
    message: str
    traceback: str = ""
    retriable: bool = True
    retry_after_seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "message": self.message, "traceback": self.traceback}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ErrorInfo":
        return cls(str(data.get("type", "Error")), str(data.get("message", "")), str(data.get("traceback", "")))


@dataclass(frozen=True, slots=True)
class Memo:
    """A settled step as the next execution sees it. ``output`` is the decoded JSON value."""

    key: str
    op: OpKind
    status: Status
    ordinal: int
    output: Any = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step that began but is not settled: an open wait, or a step between two attempts."""

    key: str
    op: OpKind
    ordinal: int
    attempt: int
    wait: WaitKind | None = None
    lost: int = 0  # former attempts whose worker died: no failures of the step


@dataclass(frozen=True, slots=True)
class CallRequest:
    """All an executor needs to go on with a run."""

    run_id: str
    env: int
    function: str
    attempt: int
    queued_at: datetime
    events: Sequence[Mapping[str, Any]] = ()
    input: Any = None
    memos: Mapping[str, Memo] = field(default_factory=dict)
    open_steps: Mapping[str, OpenStep] = field(default_factory=dict)
    parent_run_id: str | None = None
    replay_of: str | None = None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event a run sends from ``step.send_event``; ``id`` is the event's own id, given by the engine side."""

    id: str
    name: str
    data: Mapping[str, Any]
    idempotency_key: str | None = None
    ts: datetime | None = None
    user: Mapping[str, Any] | None = None
    v: str | None = None


@dataclass(frozen=True, slots=True)
class StepCompleted:
    """``output`` is JSON text. ``recorded`` says that the attempt's row already stands as running."""

    key: str
    op: OpKind
    ordinal: int
    attempt: int
    started_at: datetime
    ended_at: datetime
    output: str
    recorded: bool = False
    events: tuple[NewEvent, ...] = ()
    children: "tuple[ChildRun, ...]" = ()
    signal: int | None = None  # number of the mail that was taken


@dataclass(frozen=True, slots=True)
class StepStarted:
    """The body of a longer step runs; written so that others see it."""

    key: str
    op: OpKind
    ordinal: int
    attempt: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class StepErrored:
    """An attempt failed. ``retry_at`` is None when it was the last one."""

    key: str
    op: OpKind
    ordinal: int
    attempt: int
    started_at: datetime
    ended_at: datetime
    error: ErrorInfo
    retry_at: datetime | None = None
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class WaitOpened:
    """A durable wait begins. ``due_at`` is its wake or time-out, None when it waits for ever."""

    key: str
    op: OpKind
    ordinal: int
    wait: WaitKind
    started_at: datetime
    due_at: datetime | None = None
    name: str = ""
    eq: str = ""
    expr: str | None = None
    text: str = ""
    child: "ChildRun | None" = None


@dataclass(frozen=True, slots=True)
class ChildRun:
    """A run to start in the transaction of the step that asks for it. ``input`` is JSON text."""

    id: str
    function: str
    input: str
    waited_for: bool = True


@dataclass(frozen=True, slots=True)
class RunCompleted:
    output: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class RunErrored:
    """The function raised. ``retry_at`` is None when the run fails for good."""

    error: ErrorInfo
    started_at: datetime
    retry_at: datetime | None = None
    status: Status = Status.FAILED


@dataclass(frozen=True, slots=True)
class RunBlocked:
    """The code asks for another operation than the journal recorded under this key."""

    key: str
    expected: str
    got: str


Op = StepCompleted | StepStarted | StepErrored | WaitOpened | RunCompleted | RunErrored | RunBlocked
