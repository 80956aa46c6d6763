"""Signalbox from another service, over REST: send events, start runs and wait for what they return.

This package imports neither Django nor the engine. See docs/client.md.
"""

from orchestrator.client.asynchronous import AsyncClient
from orchestrator.client.blocking import Client
from orchestrator.client.errors import (
    ApiError,
    ClientError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    Misconfigured,
    NotFound,
    RateLimited,
    RunCancelled,
    RunFailed,
    ServerError,
    Timeout,
    Unauthorized,
    UnexpectedAnswer,
)
from orchestrator.client.values import Attempt, Event, FieldFault, Progress, Run, RunError, Sample, Step
from orchestrator.core.ops import Status
from orchestrator.core.retry import Retries

__all__ = [
    "ApiError",
    "AsyncClient",
    "Attempt",
    "Client",
    "ClientError",
    "Conflict",
    "ConnectionFailed",
    "Event",
    "FieldFault",
    "Forbidden",
    "InvalidRequest",
    "Misconfigured",
    "NotFound",
    "Progress",
    "RateLimited",
    "Retries",
    "Run",
    "RunCancelled",
    "RunError",
    "RunFailed",
    "Sample",
    "ServerError",
    "Status",
    "Step",
    "Timeout",
    "Unauthorized",
    "UnexpectedAnswer",
]
