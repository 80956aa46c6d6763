"""Signalbox: durable functions for Python. What authors import."""

from orchestrator.core.controls import (
    Batch,
    CancelOn,
    Concurrency,
    Debounce,
    Delay,
    Fairness,
    Idempotency,
    Priority,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
)
from orchestrator.core.errors import NonRetriableError, OrchestratorError, RetryAfter, StepError
from orchestrator.core.machines import Machine
from orchestrator.core.retry import Retries
from orchestrator.sdk.context import Context, SyncContext, SyncTaskContext, TaskContext
from orchestrator.sdk.declaring import On
from orchestrator.sdk.events import Event, RunFailed, event
from orchestrator.sdk.functions import Function, Task, function, task
from orchestrator.sdk.sending import asend, asignal, send, signal
from orchestrator.sdk.steps import StepTools
from orchestrator.sdk.steps_sync import SyncStepTools
from orchestrator.sdk.timing import Cron, Every

__all__ = [
    "Batch",
    "CancelOn",
    "Concurrency",
    "Context",
    "Cron",
    "Debounce",
    "Delay",
    "Event",
    "Every",
    "Fairness",
    "Function",
    "Idempotency",
    "Machine",
    "NonRetriableError",
    "On",
    "OrchestratorError",
    "Priority",
    "RateLimit",
    "Retries",
    "RetryAfter",
    "RunFailed",
    "Singleton",
    "StepError",
    "StepTools",
    "SyncContext",
    "SyncStepTools",
    "SyncTaskContext",
    "Task",
    "TaskContext",
    "Throttle",
    "Timeouts",
    "asend",
    "asignal",
    "event",
    "function",
    "send",
    "signal",
    "task",
]
