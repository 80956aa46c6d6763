"""Errors as problem JSON (RFC 9457): what is wrong, where, and the way out."""

from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

from orchestrator.api.wire import dump
from orchestrator.core.errors import InvalidEvent, InvalidExpression, OrchestratorError, Unserialisable

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = "1"


def problem(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """The body of an error answer. ``more`` names the place: ``index``, ``errors``, ``position``."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, **more}


def problem_of(error: OrchestratorError) -> dict[str, Any]:
    """The body for one of our errors. What went wrong inside of us is not told."""
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return internal_problem()
    return problem(error.status, error.code, str(error), **_place(error))


def internal_problem(**more: Any) -> dict[str, Any]:
    return problem(500, "internal", "something went wrong here; the server's log says what", **more)


def problem_response(body: dict[str, Any]) -> HttpResponse:
    response = HttpResponse(dump(body), status=body["status"], content_type=PROBLEM_JSON)
    for name, value in problem_headers(body["status"]):
        response[name] = value
    return response


def problem_headers(status: int) -> list[tuple[str, str]]:
    """What a client wants to know besides the body: how to sign in, when to come back."""
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return [("WWW-Authenticate", "Bearer")]
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return [("Retry-After", RETRY_AFTER_SECONDS)]
        case _:
            return []


def _place(error: OrchestratorError) -> dict[str, Any]:
    match error:
        case InvalidEvent(index=int(index)):
            return {"index": index}
        case InvalidExpression(position=position):
            return {"position": position}
        case Unserialisable(path=path):
            return {"path": path}
        case _:
            return {}
