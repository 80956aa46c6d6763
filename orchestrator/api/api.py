"""The REST API under /api/v1, put together."""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, URLResolver
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

from orchestrator.api.auth import ApiKey
from orchestrator.api.bodies import JsonParser, JsonRenderer
from orchestrator.api.docs import ReferencePage
from orchestrator.api.failures import handle_failures, nothing_at
from orchestrator.api.problems import problem, problem_response
from orchestrator.api.routes import events, functions, pauses, runs, schedules
from orchestrator.api.schema import with_problems

DESCRIPTION = (
    "Events, functions, runs and schedules of Signalbox. Lists are pages: ask for the next one with the cursor of the"
    " last. "
    "Every error is a problem in JSON (RFC 9457)."
)


class RestApi(NinjaAPI):
    """NinjaAPI whose refusals and whose description of errors are problem JSON too."""

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        patterns, app_name, namespace = super().urls
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = _refusing_in_problem_json(pattern.callback)
        return patterns, app_name, namespace

    def get_openapi_schema(self, **options: Any) -> Any:
        return with_problems(super().get_openapi_schema(**options))


@csrf_exempt
def not_found(request: HttpRequest) -> HttpResponse:
    """The answer for every other path below the API."""
    return problem_response(nothing_at(request.path))


def _refusing_in_problem_json(view: Callable[..., Any]) -> Callable[..., Any]:
    if iscoroutinefunction(view):

        @wraps(view)
        async def async_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return _refusal(request, await view(request, *args, **kwargs))

        return async_view

    @wraps(view)
    def sync_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return _refusal(request, view(request, *args, **kwargs))

    return sync_view


def _refusal(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if not isinstance(response, HttpResponseNotAllowed):
        return response
    allowed = response["Allow"]
    refusal = problem_response(problem(405, "method_not_allowed", f"{request.method} is not allowed: use {allowed}"))
    refusal["Allow"] = allowed
    return refusal


api = RestApi(
    title="Signalbox",
    version="1",
    description=DESCRIPTION,
    urls_namespace="signalbox-api",
    auth=ApiKey(),
    docs=ReferencePage(),
    parser=JsonParser(),
    renderer=JsonRenderer(),
)
handle_failures(api)
api.add_router("/events", events.router)
api.add_router("/functions", functions.router)
api.add_router("/pauses", pauses.router)
api.add_router("/runs", runs.router)
api.add_router("/schedules", schedules.router)
