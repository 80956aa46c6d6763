"""Signalbox: durable functions for Python. What authors import."""

from orchestrator.core.cron import Cron
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

__all__ = [
    "Context",
    "Cron",
    "Event",
    "Function",
    "Machine",
    "NonRetriableError",
    "On",
    "OrchestratorError",
    "Retries",
    "RetryAfter",
    "RunFailed",
    "StepError",
    "StepTools",
    "SyncContext",
    "SyncStepTools",
    "SyncTaskContext",
    "Task",
    "TaskContext",
    "asend",
    "asignal",
    "event",
    "function",
    "send",
    "signal",
    "task",
]
