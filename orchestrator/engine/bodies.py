"""The step bodies of a run that execute now, and what they log: shown to others when they take a while."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from orchestrator.core.ops import OpKind, StepStarted
from orchestrator.engine.logs import LogBuffer
from orchestrator.sdk.transport import StepRun

SHOWN_AFTER = timedelta(milliseconds=50)  # a body that runs longer gets its row before it ends


class Bodies:
    """Touched by the loop and by body threads."""

    def __init__(self) -> None:
        self.logs = LogBuffer()
        self._running: dict[str, StepRun] = {}
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._running)

    def began(self, step: StepRun) -> None:
        self._running[step.key] = step  # one write, which needs no lock

    def ended(self, step: StepRun) -> None:
        with self._lock:
            self._running.pop(step.key, None)

    def running(self) -> list[StepRun]:
        with self._lock:
            return list(self._running.values())

    def shown(self) -> list[StepRun]:
        """Those that run and were told of."""
        with self._lock:
            return [step for step in list(self._running.values()) if step.recorded]

    def show(self, now: datetime, started: Callable[[StepStarted], object], logged: Callable[[], object]) -> bool:
        """Tells of each body that has run for a while, once, and of what was logged meanwhile; whether any runs.

        Under the lock: the end of a body is told after its beginning. A step.transaction commits its end itself,
        which a beginning on its way through the journal would come after: it is not told.
        """
        with self._lock:
            for step in list(self._running.values()):
                told = step.recorded or step.op is OpKind.TRANSACTION
                if not told and step.started_at <= now - SHOWN_AFTER:
                    step.recorded = True
                    started(StepStarted(step.key, step.op, step.ordinal, step.attempt, step.started_at))
            if self.logs:
                logged()
            return bool(self._running)
