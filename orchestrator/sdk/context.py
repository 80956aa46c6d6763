"""What a function gets as its first argument."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from orchestrator.core.progress import bounded
from orchestrator.sdk.events import Event
from orchestrator.sdk.invocation import Invocation
from orchestrator.sdk.scope import CURRENT
from orchestrator.sdk.steps import StepTools
from orchestrator.sdk.steps_sync import SyncStepTools

T = TypeVar("T")
logger = logging.getLogger("signalbox.run")


class BaseContext:
    """Facts about the run; ``logger`` lines, like any other logging, appear on the run's page."""

    logger = logger

    def __init__(self, inv: Invocation) -> None:
        self._inv = inv

    @property
    def run_id(self) -> str:
        return self._inv.request.run_id

    @property
    def function_id(self) -> str:
        return self._inv.request.function

    @property
    def attempt(self) -> int:
        """Attempt of the function itself, from 1."""
        return self._inv.request.attempt

    @property
    def step_attempt(self) -> int:
        """Attempt of the step whose body runs now, from 1 and counted across crashes; 0 outside a step."""
        scope = CURRENT.get()
        return scope.attempt if scope is not None else 0

    @property
    def parent_run_id(self) -> str | None:
        return self._inv.request.parent_run_id

    @property
    def replay_of(self) -> str | None:
        """The run this one replays, if any."""
        return self._inv.request.replay_of

    @property
    def scratch(self) -> Path:
        """The run's own directory on this host: the same for its steps and retries here, removed when it has ended."""
        path = self._inv.transport.scratch()
        path.mkdir(parents=True, exist_ok=True)
        return path

    def progress(self, fraction: float, message: str = "") -> None:
        """Shows people how far the run is, from 0 to 1, and what it does; call it as often as you like."""
        if not self._inv.dead:
            self._inv.transport.progress(*bounded(fraction, message))

    def idempotency_key(self, step_id: str) -> str:
        """A key for others (a payment provider) that is the same at every attempt of that step in this run."""
        return f"{self.run_id}:{step_id}"


class TaskContext(BaseContext):
    """Context of an async task."""

    def __init__(self, inv: Invocation) -> None:
        super().__init__(inv)
        self.step = StepTools(inv)


class SyncTaskContext(BaseContext):
    """Context of a sync task."""

    def __init__(self, inv: Invocation) -> None:
        super().__init__(inv)
        self.step = SyncStepTools(inv)


class Context(TaskContext, Generic[T]):
    """Context of an async function; ``event`` started it, ``events`` are all of a batch."""

    def __init__(self, inv: Invocation, events: Sequence[Event[Any]]) -> None:
        super().__init__(inv)
        self.events: Sequence[Event[T]] = events

    @property
    def event(self) -> Event[T]:
        return self.events[0]


class SyncContext(SyncTaskContext, Generic[T]):
    """Context of a sync function; ``event`` started it, ``events`` are all of a batch."""

    def __init__(self, inv: Invocation, events: Sequence[Event[Any]]) -> None:
        super().__init__(inv)
        self.events: Sequence[Event[T]] = events

    @property
    def event(self) -> Event[T]:
        return self.events[0]
