"""One request until it is answered: repeated after lost connections, 429 and 5xx. Every request is safe to repeat."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from orchestrator.client.effects import Pause, Program, Reply, Request, Unanswered, send_effect
from orchestrator.client.errors import ClientError, ConnectionFailed, TransientError, UnexpectedAnswer, refusal
from orchestrator.client.values import Problem
from orchestrator.core.retry import Retries, delay_after

T = TypeVar("T")
LONGEST_RETRY_AFTER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Asking:
    """How often and how long; ``now`` is a monotonic clock in seconds, ``dice`` rolls in [0, 1)."""

    retries: Retries
    timeout_seconds: float
    now: Callable[[], float]
    dice: Callable[[], float]

    def ask(self, request: Request, shape: type[T]) -> Program[T]:
        """The decoded answer, after as many tries as are needed and allowed. Raises as ``once``."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return (yield from self.once(request, shape))
            except ClientError as failure:
                failure.attempts = attempt
                delay = self.delay_seconds(self.retries, attempt, failure)
                if delay is None:
                    raise
            yield Pause(delay)

    def once(self, request: Request, shape: type[T], *, at_most_seconds: float = math.inf) -> Program[T]:
        """The decoded answer to one try. Raises ApiError, ConnectionFailed, UnexpectedAnswer."""
        seconds = min(request.wait_seconds + self.timeout_seconds, at_most_seconds)
        try:
            reply = yield from send_effect(replace(request, timeout_seconds=seconds))
        except Unanswered as error:
            raise ConnectionFailed(f"{request.method} {request.path}: {error}") from error
        if reply.status < 300:
            return decoded(shape, reply.body)
        raise problem_of(reply)

    def delay_seconds(self, policy: Retries, attempt: int, failure: ClientError) -> float | None:
        """The pause before the try that follows 1-based ``attempt``; None when there is none."""
        delay = delay_after(policy, attempt, self.dice()) if isinstance(failure, TransientError) else None
        return None if delay is None else max(delay.total_seconds(), failure.retry_after_seconds)


def problem_of(reply: Reply) -> ClientError:
    """The error that an answer other than 2xx stands for, also when a proxy gave it."""
    if reply.status < 400:
        return UnexpectedAnswer(f"status {reply.status} instead of an answer: is the address right?")
    try:
        problem = _adapter(Problem).validate_json(reply.body)
    except ValidationError:
        beginning = reply.body[:200].decode(errors="replace")
        problem = Problem(reply.status, f"http_{reply.status}", beginning or "no explanation")
    error = refusal(problem)
    error.retry_after_seconds = retry_after_seconds(reply)
    return error


def retry_after_seconds(reply: Reply) -> float:
    """What the server asked for, within reason; 0 when it asked for nothing, or gave a date."""
    try:
        seconds = float(reply.retry_after)
    except ValueError:
        return 0.0
    return min(seconds, LONGEST_RETRY_AFTER_SECONDS) if math.isfinite(seconds) and seconds > 0 else 0.0


def decoded(shape: type[T], body: bytes) -> T:
    try:
        value: T = _adapter(shape).validate_json(body)
        return value
    except ValidationError as error:
        raise UnexpectedAnswer(f"the answer is no {shape.__name__}: {error.errors()[0]['msg']}") from error


def as_type(shape: type[T], value: Any) -> T:
    """A run's output as the type that the caller expects. Raises UnexpectedAnswer."""
    try:
        typed: T = _adapter(shape).validate_python(value)
        return typed
    except ValidationError as error:
        raise UnexpectedAnswer(f"the run's output is no {getattr(shape, '__name__', shape)}: {error}") from error


def _adapter(shape: Any) -> TypeAdapter[Any]:
    return _new_adapter(shape)


@lru_cache(maxsize=256)  # making one takes longer than a request
def _new_adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
