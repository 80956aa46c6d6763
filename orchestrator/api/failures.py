"""Every error of a REST request as problem JSON."""

import logging
import traceback
from http import HTTPStatus
from typing import Any

import orjson
from django.conf import settings as django_settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from orchestrator.api.bodies import body_limit_bytes
from orchestrator.api.problems import internal_problem, problem, problem_of, problem_response
from orchestrator.api.values import FieldFault
from orchestrator.core.errors import EngineUnavailable, OrchestratorError
from orchestrator.db.schema import WAY_OUT, is_unmigrated

logger = logging.getLogger(__name__)

# Of what was sent, an answer repeats this much at most.
MOST_FAULTS = 20
MOST_CHARACTERS = 100

CODES = {
    HTTPStatus.BAD_REQUEST: "invalid_input",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
}


def handle_failures(api: NinjaAPI) -> None:
    """Makes an API answer problem JSON, whatever is raised in it."""
    handlers: list[tuple[type[Exception], Any]] = [
        (OrchestratorError, _ours),
        (ValidationError, _wrong_fields),
        (HttpError, _http_error),
        (Http404, _not_found),
        (RequestDataTooBig, _too_large),
        (SuspiciousOperation, _suspicious),
        (OperationalError, _database_failed),
        (InterfaceError, _database_failed),
        (Exception, _unexpected),
    ]
    for kind, handler in handlers:
        api.add_exception_handler(kind, handler)


def invalid_json(error: orjson.JSONDecodeError) -> dict[str, Any]:
    """The problem of a body that is no JSON."""
    detail = f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    return problem(400, "invalid_json", detail, position=error.pos)


def nothing_at(path: str) -> dict[str, Any]:
    """The problem of a path that leads nowhere."""
    return problem(404, "not_found", f"there is nothing at {path[:MOST_CHARACTERS]}")


def body_too_large(limit_bytes: int) -> dict[str, Any]:
    """The problem of a body over the limit."""
    return problem(413, "too_large", f"the body is over the limit of {limit_bytes} bytes")


def _ours(request: HttpRequest, error: OrchestratorError) -> HttpResponse:
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unexpected(request, error)
    return problem_response(problem_of(error))


def _wrong_fields(request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = [_fault(each["loc"], each["msg"]) for each in error.errors[:MOST_FAULTS]]
    places = "; ".join(f"{fault.location} {fault.field}: {fault.message}" for fault in faults[:3])
    return problem_response(problem(400, "invalid_input", places, errors=faults))


def _fault(place: tuple[str | int, ...], message: str) -> FieldFault:
    location, *inner = place
    if location == "body":  # then comes the name of the view's parameter
        inner = inner[1:]
    return FieldFault(str(location), ".".join(map(str, inner))[:MOST_CHARACTERS], message)


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    match error.__cause__:  # ninja wraps what the parser raises
        case orjson.JSONDecodeError() as cause:
            return problem_response(invalid_json(cause))
        case RequestDataTooBig():
            return problem_response(body_too_large(body_limit_bytes()))
    code = CODES.get(HTTPStatus(error.status_code), "invalid_input")
    return problem_response(problem(error.status_code, code, str(error)))


def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem_response(nothing_at(request.path))


def _too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return problem_response(body_too_large(body_limit_bytes()))


def _suspicious(request: HttpRequest, error: SuspiciousOperation) -> HttpResponse:
    """What Django finds wrong with a request: too many parameters, a host that is not ours."""
    return problem_response(problem(400, "invalid_input", str(error)))


def _database_failed(request: HttpRequest, error: Exception) -> HttpResponse:
    if is_unmigrated(error):
        return _unmigrated(request, error)
    logger.error("api.database_failed", extra={"path": request.path}, exc_info=error)
    return problem_response(problem_of(EngineUnavailable("the database does not answer now: try again")))


def _unmigrated(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("api.unmigrated", extra={"path": request.path, "reason": " ".join(str(error).split())})
    return problem_response(problem_of(EngineUnavailable(WAY_OUT)))


def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    if is_unmigrated(error):
        return _unmigrated(request, error)
    logger.error("api.failed", extra={"path": request.path}, exc_info=error)
    more = {"traceback": "".join(traceback.format_exception(error))} if django_settings.DEBUG else {}
    return problem_response(internal_problem(**more))
