"""What the end of a function means, once for async and sync bodies."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.core.codec import encode
from orchestrator.core.errors import StepError
from orchestrator.core.ops import CallRequest, ErrorInfo, Op, RunBlocked, RunCompleted, RunErrored
from orchestrator.core.retry import Retry, decide
from orchestrator.sdk.arguments import load
from orchestrator.sdk.context import Context, SyncContext, SyncTaskContext, TaskContext
from orchestrator.sdk.events import load_event
from orchestrator.sdk.failure import describe
from orchestrator.sdk.invocation import Invocation
from orchestrator.sdk.registry import Definition
from orchestrator.sdk.transport import Blocked

logger = logging.getLogger(__name__)
MAX_LEFT_OUT = 10  # warnings of one execution
INVOKED_EVENT = "signalbox/function.invoked"


def call_body(definition: Definition, inv: Invocation) -> Any:
    """Calls the author's function with its context. Raises InvalidPayload when the input does not fit it."""
    request = inv.request
    if definition.kind == "task":
        context = TaskContext(inv) if definition.is_async else SyncTaskContext(inv)
        return definition.body(context, **load(definition.body, request.input or {}))
    events = [load_event(event, _payload_class(definition, event)) for event in _events(request)]
    return definition.body(Context(inv, events) if definition.is_async else SyncContext(inv, events))


def _events(request: CallRequest) -> list[dict[str, Any]]:
    """A function that was called instead of started by an event sees its input as the event's data."""
    if request.events:
        return [dict(event) for event in request.events]
    ts = int(request.queued_at.timestamp() * 1000)
    return [{"id": request.run_id, "name": INVOKED_EVENT, "data": request.input or {}, "ts": ts}]


def _payload_class(definition: Definition, event: Mapping[str, Any]) -> type[Any] | None:
    """A caller's payload is that of the function's event, if it has one only."""
    if event["name"] == INVOKED_EVENT and len(definition.payloads) == 1:
        return next(iter(definition.payloads.values()))
    return definition.payloads.get(str(event["name"]))


def completed(inv: Invocation, value: Any, started_at: datetime) -> Op:
    """Raises Unserialisable when the function returned what JSON cannot hold."""
    op = RunCompleted(encode(value), started_at)
    if not inv.dead:
        _warn_of_steps(inv)
    return op


def _warn_of_steps(inv: Invocation) -> None:
    """Steps that a function, which completes, should have awaited or asked for."""
    for step in inv.asked.never_awaited():
        inv.warn("unawaited", f"step {step!r} was never awaited, so it did not run: write `await` before it", step=step)
    for key in inv.left_out()[:MAX_LEFT_OUT]:
        message = (
            f"step {key!r} is recorded and was not asked for: the function has changed, or its way depends on more than"
            " its input and what its steps answered. Put clocks, random numbers and reads of the world into steps"
        )
        inv.warn("left out", message, step=key)


def raised(inv: Invocation, error: BaseException, started_at: datetime) -> Op:
    """A function that raised is tried again by its policy; not when a step of it failed for good."""
    if isinstance(error, Blocked):
        return RunBlocked(error.key, error.expected, error.got)
    info = describe(error)
    if isinstance(error, StepError):
        return RunErrored(_of_step(info, error), started_at)
    if not isinstance(error, Exception):
        info = ErrorInfo(info.type, info.message or "the function was cancelled from within", info.traceback)
    verdict = decide(inv.retries, inv.request.attempt, info, inv.now(), inv.transport.entropy())
    return RunErrored(info, started_at, verdict.at if isinstance(verdict, Retry) else None)


def _of_step(info: ErrorInfo, error: StepError) -> ErrorInfo:
    return ErrorInfo(error.name, info.message, info.traceback, retriable=False)


def warn_swallowed(inv: Invocation) -> None:
    """The function caught what unwinds it and returned: nothing is lost, but its author should know."""
    message = (
        "the function swallowed its suspension: it has a bare `except:` or `except BaseException:`, or returns or"
        " raises in a `finally`; let it pass"
    )
    logger.warning("run.suspension_swallowed", extra={"run": inv.request.run_id})
    inv.warn("swallowed", message)
