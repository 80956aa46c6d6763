"""Moments by which a run has to start or to end, and what is said when one has passed."""

from datetime import timedelta
from enum import StrEnum

from orchestrator.core.durations import format_duration
from orchestrator.core.ops import ErrorInfo


class DeadlineKind(StrEnum):
    START = "start"
    FINISH = "finish"


def missed(kind: DeadlineKind, seconds: float) -> ErrorInfo:
    """The error of a run whose deadline has passed."""
    allowed = format_duration(timedelta(seconds=seconds))
    match kind:
        case DeadlineKind.START:
            message = f"it had not started {allowed} after it could have, the start timeout of its function"
            return ErrorInfo("StartTimeout", message, retriable=False)
        case DeadlineKind.FINISH:
            message = f"it had not ended {allowed} after its start, the finish timeout of its function"
            return ErrorInfo("FinishTimeout", message, retriable=False)
