"""The rows. The engine writes the hot ones by SQL of its own; everybody else reads them here."""

from orchestrator.models.catalog import Function, Worker
from orchestrator.models.deadlines import CancelOn, Deadline
from orchestrator.models.environments import Audit, Environment, Key
from orchestrator.models.events import Event, Idempotency
from orchestrator.models.expectations import Expectation
from orchestrator.models.journal import Blob, Inbox, Journal, Log, Mail, Wait
from orchestrator.models.limits import Limit, LimitOverride, Slot
from orchestrator.models.pauses import Pause
from orchestrator.models.runs import Attempt, Run, RunData, RunEvent
from orchestrator.models.schedules import Schedule, ScheduleTick
from orchestrator.models.usage import Progress, Sample

__all__ = [
    "Attempt",
    "Audit",
    "Blob",
    "CancelOn",
    "Deadline",
    "Environment",
    "Event",
    "Expectation",
    "Function",
    "Idempotency",
    "Inbox",
    "Journal",
    "Key",
    "Limit",
    "LimitOverride",
    "Log",
    "Mail",
    "Pause",
    "Progress",
    "Run",
    "RunData",
    "RunEvent",
    "Sample",
    "Schedule",
    "ScheduleTick",
    "Slot",
    "Wait",
    "Worker",
]
