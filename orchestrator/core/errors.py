"""Every error of ours. The message names the thing and the way out; ``status`` and ``code`` are what HTTP answers."""


class OrchestratorError(Exception):
    """Base of all errors raised by Signalbox itself."""

    status = 500
    code = "internal"


class InvalidInput(OrchestratorError):
    """Something from outside is not of the form it must have."""

    status = 400
    code = "invalid_input"


class InvalidId(InvalidInput):
    code = "invalid_id"


class InvalidDuration(InvalidInput):
    code = "invalid_duration"


class InvalidMoment(InvalidInput):
    code = "invalid_moment"


class InvalidCron(InvalidInput):
    code = "invalid_cron"


class InvalidSchedule(InvalidInput):
    code = "invalid_schedule"


class InvalidExpression(InvalidInput):
    """``position`` is the 0-based offset of the character that could not be read."""

    code = "invalid_expression"

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class InvalidEvent(InvalidInput):
    """``index`` is the event's place in the list that was sent, None for a single one."""

    code = "invalid_event"

    def __init__(self, message: str, index: int | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.index = index
        self.status = status


class InvalidPayload(InvalidInput):
    code = "invalid_payload"


class InvalidCursor(InvalidInput):
    code = "invalid_cursor"


class Unserialisable(InvalidInput):
    """``path`` names the place inside the value, such as ``$.items[3].total``."""

    code = "unserialisable"

    def __init__(self, message: str, path: str = "$") -> None:
        super().__init__(message)
        self.path = path


class Unauthorized(OrchestratorError):
    status = 401
    code = "unauthorized"


class NotFound(OrchestratorError):
    status = 404
    code = "not_found"


class UnknownFunction(NotFound):
    code = "unknown_function"


class RunNotFound(NotFound):
    code = "run_not_found"


class EventNotFound(NotFound):
    code = "event_not_found"


class ScheduleNotFound(NotFound):
    code = "schedule_not_found"


class PauseNotFound(NotFound):
    code = "pause_not_found"


class StepNotFound(NotFound):
    code = "step_not_found"


class Conflict(OrchestratorError):
    status = 409
    code = "conflict"


class RunEnded(Conflict):
    code = "run_ended"


class EngineUnavailable(OrchestratorError):
    """The database cannot take writes now; nothing of the request was stored."""

    status = 503
    code = "unavailable"


class EngineAlreadyRunning(OrchestratorError):
    """Another process is the engine of this SQLite database."""

    status = 503
    code = "engine_already_running"


class LeaseLost(OrchestratorError):
    """The run was taken over by another owner; what this one says of it is refused."""

    status = 409
    code = "lease_lost"


class MisplacedCall(OrchestratorError):
    """A step tool was called where it cannot work: in another step, in a transaction, outside a run."""

    code = "misplaced_call"


class InvalidFunction(OrchestratorError):
    """A function's declaration cannot be registered."""

    code = "invalid_function"


class SessionLost(OrchestratorError):
    """This process was taken for dead: its runs were given away. It goes on as a new session."""

    status = 503
    code = "session_lost"


class NonRetriableError(OrchestratorError):
    """Raise it in a step or a function: no further attempt is made."""

    code = "non_retriable"


class RetryAfter(OrchestratorError):
    """Raise it in a step or a function: the next attempt comes after ``delay`` ("30s", a timedelta, or seconds)."""

    code = "retry_after"

    def __init__(self, message: str, delay: object) -> None:
        super().__init__(message)
        self.delay = delay


class StepError(OrchestratorError):
    """A step failed for good. ``name`` is the type of the error that its last attempt raised."""

    code = "step_failed"

    def __init__(self, message: str, *, step: str, name: str = "Error") -> None:
        super().__init__(message)
        self.step = step
        self.name = name
