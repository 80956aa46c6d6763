"""What each step does, once for async and sync: generators that yield effects, driven by ``drivers``."""

from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from orchestrator.core.codec import Shape, decode, encode
from orchestrator.core.errors import StepError, Unserialisable
from orchestrator.core.matching import plan_match
from orchestrator.core.ops import (
    ChildRun,
    Memo,
    NewEvent,
    Op,
    OpenStep,
    OpKind,
    StepCompleted,
    StepErrored,
    WaitKind,
    WaitOpened,
)
from orchestrator.core.retry import Retries, Retry, decide
from orchestrator.sdk.failure import describe
from orchestrator.sdk.invocation import Invocation
from orchestrator.sdk.transport import StepRun

PLAIN = Shape.of(Any)


# Named tuples: a step makes two effects, and a frozen dataclass takes three times as long to make.
class CallBody(NamedTuple):
    """Run the author's function."""

    step: StepRun
    function: Callable[..., Any]
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] | None = None


class CallTransaction(NamedTuple):
    """Run it and its checkpoint in one transaction; answers the output as JSON text."""

    step: StepRun
    function: Callable[..., Any]
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] | None = None


class Commit(NamedTuple):
    """Make it durable before going on."""

    op: Op


class Park(NamedTuple):
    """Rest until the wait of that key is settled; answers its memo, None when a further attempt is due."""

    key: str


Effect = CallBody | CallTransaction | Commit | Park
Program = Generator[Effect, Any, Any]


def run(
    inv: Invocation,
    step_id: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    retries: Retries | None,
    shape: Shape,
    op: OpKind = OpKind.RUN,
    stub: str = "",
) -> Program:
    """A body that is run once, memoized, and retried alone. ``stub`` is another id under which tests replace it."""
    key, ordinal = inv.enter(step_id)
    if (memo := inv.recall(key, op)) is not None:
        return inv.outcome(memo, shape)
    opened = inv.open_steps.get(key)
    attempt, lost = (opened.attempt, opened.lost) if opened else (1, 0)
    if opened is not None and opened.wait is WaitKind.RETRY:
        yield Park(key)
    policy = retries or inv.retries
    effect = CallTransaction if op is OpKind.TRANSACTION else CallBody
    while True:
        step = StepRun(key, op, ordinal, attempt, inv.now(), lost=lost, retries=policy)
        try:
            value = yield effect(step, inv.body((key, step_id, stub), function), args, kwargs)
            text = value if op is OpKind.TRANSACTION else encode(value)
            result = shape.load(decode(text))  # what a later execution will get from the memo
        except Exception as error:  # author code: whatever it raises is a failed attempt
            yield from _failed(inv, step, error, policy)
            attempt += 1
            continue
        if op is not OpKind.TRANSACTION:
            done = StepCompleted(key, op, ordinal, attempt, step.started_at, inv.now(), text, recorded=step.recorded)
            try:
                yield Commit(done)
            except Unserialisable as error:  # too large
                yield from _failed(inv, step, error, policy)
        return result


def _failed(inv: Invocation, step: StepRun, error: Exception, policy: Retries) -> Program:
    """Records the failure; parks until the next attempt, or raises StepError when there is none."""
    info = describe(error)
    now = inv.now()
    verdict = decide(policy, step.attempt - step.lost, info, now, inv.transport.entropy())
    retry_at = verdict.at if isinstance(verdict, Retry) else None
    if retry_at is not None:
        again = OpenStep(step.key, step.op, step.ordinal, step.attempt + 1, WaitKind.RETRY, step.lost)
        inv.open_steps[step.key] = again
    yield Commit(
        StepErrored(
            step.key, step.op, step.ordinal, step.attempt, step.started_at, now, info, retry_at, recorded=step.recorded
        )
    )
    if retry_at is None:
        raise StepError(
            f"step {step.key!r} failed: {info.type}: {info.message}", step=step.key, name=info.type
        ) from error
    if inv.open_steps[step.key].wait is WaitKind.RETRY:  # not settled before the answer to the commit was here
        yield Park(step.key)


def _wait(inv: Invocation, op: WaitOpened) -> Program:
    """Opens the wait unless a former execution did, and parks."""
    if op.key not in inv.open_steps:
        inv.open_steps[op.key] = OpenStep(op.key, op.op, op.ordinal, 1, op.wait)
        inv.transport.open_wait(op)
    memo: Memo = yield Park(op.key)
    return memo


def sleep(inv: Invocation, step_id: str, until: datetime | timedelta) -> Program:
    key, ordinal = inv.enter(step_id)
    if inv.recall(key, OpKind.SLEEP) is None:
        now = inv.now()
        due_at = now + until if isinstance(until, timedelta) else until
        yield from _wait(inv, WaitOpened(key, OpKind.SLEEP, ordinal, WaitKind.TIMER, now, due_at))


def wait_for_event(
    inv: Invocation, step_id: str, name: str, *, match: str | None, timeout: timedelta | None, if_: str | None = None
) -> Program:
    """The event's envelope as a dict, None when it did not come in time."""
    key, ordinal = inv.enter(step_id)
    memo = inv.recall(key, OpKind.WAIT_FOR_EVENT)
    if memo is None:
        # A run that was called instead of started by an event has its payload as the event's data.
        start = inv.request.events[0] if inv.request.events else {"data": inv.request.input or {}}
        plan = plan_match(match or if_, start)
        now = inv.now()
        due_at = None if timeout is None else now + timeout
        op = WaitOpened(
            key, OpKind.WAIT_FOR_EVENT, ordinal, WaitKind.EVENT, now, due_at, name, plan.eq, plan.expr, plan.text
        )
        memo = yield from _wait(inv, op)
    return inv.outcome(memo, PLAIN)


def wait_for_signal(inv: Invocation, step_id: str, name: str, timeout: timedelta | None) -> Program:
    """The signal's payload, None when it did not come in time. One sent before the wait is taken at once."""
    key, ordinal = inv.enter(step_id)
    memo = inv.recall(key, OpKind.WAIT_FOR_SIGNAL)
    if memo is not None:
        return inv.outcome(memo, PLAIN)
    now = inv.now()
    if key not in inv.open_steps and (taken := inv.transport.take_signal(name)) is not None:
        number, payload = taken
        yield Commit(StepCompleted(key, OpKind.WAIT_FOR_SIGNAL, ordinal, 1, now, now, encode(payload), signal=number))
        return payload
    due_at = None if timeout is None else now + timeout
    op = WaitOpened(key, OpKind.WAIT_FOR_SIGNAL, ordinal, WaitKind.SIGNAL, now, due_at, name)
    memo = yield from _wait(inv, op)
    return inv.outcome(memo, PLAIN)


def invoke(
    inv: Invocation, step_id: str, function: str, payload: Any, *, shape: Shape, timeout: timedelta | None
) -> Program:
    """A child run's output. Raises StepError when it did not complete."""
    key, ordinal = inv.enter(step_id)
    memo = inv.recall(key, OpKind.INVOKE)
    if memo is None:
        now = inv.now()
        due_at = None if timeout is None else now + timeout
        child = ChildRun(inv.transport.new_id(), function, encode(payload))
        op = WaitOpened(key, OpKind.INVOKE, ordinal, WaitKind.CHILD, now, due_at, function, child=child)
        memo = yield from _wait(inv, op)
    return inv.outcome(memo, shape)


def trigger(inv: Invocation, step_id: str, function: str, payload: Any) -> Program:
    """Starts a child run that nobody waits for; its id."""
    key, ordinal = inv.enter(step_id)
    if (memo := inv.recall(key, OpKind.SEND_EVENT)) is not None:
        return inv.outcome(memo, PLAIN)
    now = inv.now()
    child = ChildRun(inv.transport.new_id(), function, encode(payload), waited_for=False)
    yield Commit(StepCompleted(key, OpKind.SEND_EVENT, ordinal, 1, now, now, encode(child.id), children=(child,)))
    return child.id


def send_event(inv: Invocation, step_id: str, events: Sequence[NewEvent]) -> Program:
    """Ids of the events, stored with the step's checkpoint."""
    key, ordinal = inv.enter(step_id)
    if (memo := inv.recall(key, OpKind.SEND_EVENT)) is not None:
        return inv.outcome(memo, PLAIN)
    now = inv.now()
    ids = [event.id for event in events]
    yield Commit(StepCompleted(key, OpKind.SEND_EVENT, ordinal, 1, now, now, encode(ids), events=tuple(events)))
    return ids
