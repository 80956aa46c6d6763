"""What a call of the client raises."""

from orchestrator.client.values import FieldFault, Problem, Run, RunError
from orchestrator.core.errors import OrchestratorError
from orchestrator.core.ops import Status


class ClientError(OrchestratorError):
    """Base of all errors of the client. ``attempts`` is how often the server was asked."""

    code = "client_error"
    attempts = 1
    retry_after_seconds = 0.0


class TransientError(ClientError):
    """Another try may help."""


class Misconfigured(ClientError):
    """The address or the key cannot be used, or is missing."""

    code = "misconfigured"


class ConnectionFailed(TransientError):
    """The server could not be reached, or did not answer in time."""

    code = "connection_failed"


class UnexpectedAnswer(ClientError):
    """What answered does not speak as Signalbox does: is the address right, is there a proxy in between?"""

    code = "unexpected_answer"


class ApiError(ClientError):
    """The server refused. ``code`` is a stable word, ``detail`` is for people, ``errors`` names wrong fields."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.status = problem.status
        self.code = problem.code
        self.detail = problem.detail
        self.index = problem.index
        self.errors: tuple[FieldFault, ...] = tuple(problem.errors or ())


class InvalidRequest(ApiError):
    """400, or another 4xx: something in the request is wrong. ``index``: the wrong event of several."""


class Unauthorized(ApiError):
    """401: no key, or one that was revoked."""


class Forbidden(ApiError):
    """403: the key is good, but not for this."""


class NotFound(ApiError):
    """404: there is no such run, event, function or step."""


class Conflict(ApiError):
    """409: the run has ended already, for one."""


class RateLimited(TransientError, ApiError):
    """429: too many requests, even after all attempts."""


class ServerError(TransientError, ApiError):
    """5xx, even after all attempts."""


class Timeout(ClientError):
    """The run did not end in time; it goes on. ``last_status`` is None when it was never seen."""

    code = "timeout"

    def __init__(self, run_id: str, seconds: float, last_status: Status | None) -> None:
        seen = last_status or "not seen: the server did not answer"
        super().__init__(f"run {run_id} did not end within {seconds:g} s; it is {seen}")
        self.run_id = run_id
        self.last_status = last_status


class RunFailed(ClientError):
    """The run ended without a result: failed, cancelled, timed_out, expired or skipped, as ``run.status`` says."""

    code = "run_failed"

    def __init__(self, run: Run) -> None:
        error = run.error
        super().__init__(f"run {run.id} {run.status}" + (f": {error.type}: {error.message}" if error else ""))
        self.run = run
        self.error: RunError | None = error


class RunCancelled(RunFailed):
    """Somebody cancelled or terminated the run."""

    code = "run_cancelled"


BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


def refusal(problem: Problem) -> ApiError:
    """The error that says what the server said."""
    kind = ServerError if problem.status >= 500 else BY_STATUS.get(problem.status, InvalidRequest)
    return kind(problem)
