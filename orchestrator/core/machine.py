"""What a message or a timer means to an open wait, and where a quiet run rests. Pure: rows in, decisions out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.core.ops import MessageKind, Status, WaitKind

FROM_MAIL = "mail:"  # begins the dedup of a signal that was received before, and told in the history then
RESTING = {
    WaitKind.TIMER: Status.SLEEPING,
    WaitKind.RETRY: Status.RETRYING,
    WaitKind.EVENT: Status.WAITING,
    WaitKind.SIGNAL: Status.WAITING,
    WaitKind.CHILD: Status.WAITING,
}


@dataclass(frozen=True, slots=True)
class OpenWait:
    """An open wait of a run. ``number`` is the attempt that it belongs to (or, for a retry, that follows it)."""

    key: str
    kind: WaitKind
    name: str
    number: int
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """A row of a run's inbox."""

    id: int
    kind: MessageKind
    dedup: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Settlement:
    """An open wait that is over. ``status`` is None for a retry: the step goes on with attempt ``number``."""

    key: str
    number: int
    kind: WaitKind
    status: Status | None
    output: Any = None
    error: Mapping[str, Any] | None = None
    blob: str | None = None


@dataclass(slots=True)
class Drained:
    """What a run learns when its inbox is read."""

    settled: list[Settlement] = field(default_factory=list)
    mail: list[Message] = field(default_factory=list)
    signals: list[Message] = field(default_factory=list)
    cancel: Message | None = None
    refused: int = 0


def drain(waits: Sequence[OpenWait], messages: Iterable[Message], now: datetime) -> Drained:
    """Messages first, in their order, then timers: what came before its time-out was handled wins."""
    result = Drained()
    waiting = {wait.key: wait for wait in waits}
    for message in messages:
        _take(message, waiting, result)
    for wait in tuple(waiting.values()):
        if wait.due_at is not None and wait.due_at <= now:
            del waiting[wait.key]
            result.settled.append(settle_by_timer(wait))
    return result


def wakes_at(waits: Sequence[OpenWait], messages: Iterable[Message]) -> datetime | None:
    """When a run that does nothing but sleep wakes; None for one that may learn of something else before.

    Only then its sleep may be settled ahead: what comes later finds no wait to settle, so that the order in which its
    code learns of things is the order of its history.
    """
    if any(wait.kind is not WaitKind.TIMER for wait in waits):
        return None
    if any(message.kind is MessageKind.CANCEL for message in messages):
        return None
    return min((wait.due_at for wait in waits if wait.due_at is not None), default=None)


def _take(message: Message, waiting: dict[str, OpenWait], result: Drained) -> None:
    match message.kind:
        case MessageKind.CANCEL:
            result.cancel = message
        case MessageKind.REFUSED:
            result.refused += 1
        case MessageKind.SIGNAL:
            if not message.dedup.startswith(FROM_MAIL):
                result.signals.append(message)
            wait = oldest_signal_wait(waiting.values(), str(message.data["name"]))
            if wait is None:
                result.mail.append(message)
            else:
                del waiting[wait.key]
                output = message.data.get("data")
                result.settled.append(Settlement(wait.key, wait.number, wait.kind, Status.COMPLETED, output))
        case _:
            key = message.dedup.removeprefix("step:")
            if key in waiting:  # else it was settled a moment ago
                result.settled.append(settle_by_message(waiting.pop(key), message))


def oldest_signal_wait(waits: Iterable[OpenWait], name: str) -> OpenWait | None:
    return next((wait for wait in waits if wait.kind is WaitKind.SIGNAL and wait.name == name), None)


def settle_by_message(wait: OpenWait, message: Message) -> Settlement:
    """An awaited event completes its wait; a child's end gives the invoking step the child's outcome."""
    data = message.data
    if message.kind is MessageKind.EVENT:
        return Settlement(wait.key, wait.number, wait.kind, Status.COMPLETED, dict(data))
    status = Status(data["status"])
    outcome = Status.COMPLETED if status is Status.COMPLETED else Status.FAILED
    return Settlement(
        wait.key, wait.number, wait.kind, outcome, data.get("output"), data.get("error"), data.get("blob")
    )


def settle_by_timer(wait: OpenWait) -> Settlement:
    match wait.kind:
        case WaitKind.RETRY:
            return Settlement(wait.key, wait.number, wait.kind, None)
        case WaitKind.TIMER:
            return Settlement(wait.key, wait.number, wait.kind, Status.COMPLETED)
        case WaitKind.CHILD:
            error = {"type": "TimeoutError", "message": "the child run did not end in time", "traceback": ""}
            return Settlement(wait.key, wait.number, wait.kind, Status.FAILED, None, error)
        case _:
            return Settlement(wait.key, wait.number, wait.kind, Status.TIMED_OUT)


def resting_place(waits: Iterable[tuple[WaitKind, datetime | None]]) -> tuple[Status, datetime | None]:
    """Status and wake-up time of a run that only waits: those of the wait that ends first."""
    first: tuple[WaitKind, datetime | None] | None = None
    for kind, due_at in waits:
        if first is None or (due_at is not None and (first[1] is None or due_at < first[1])):
            first = (kind, due_at)
    if first is None:
        return Status.WAITING, None
    return RESTING[first[0]], first[1]
