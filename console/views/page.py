"""What all pages share: the environment they show, the shell around them, rows found or 404."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from console.middleware import csp_nonce
from console.presenters.shell import shell
from orchestrator.api.queries.missing import no_event, no_run
from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id
from orchestrator.models import Event, Run

ENVIRONMENT = 1
Row = TypeVar("Row", bound=Model)


def environment(request: HttpRequest) -> int:
    """The environment the visitor looks at."""
    return ENVIRONMENT


def render_page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A whole page: ``context`` inside the shell."""
    shared = {"shell": shell(request, environment(request)), **csp_nonce(request)}
    return render(request, template, shared | context)


def get_run(request: HttpRequest, run_id: str) -> Run:
    return _get(Run, request, run_id, no_run)


def get_event(request: HttpRequest, event_id: str) -> Event:
    return _get(Event, request, event_id, no_event)


def _get(model: type[Row], request: HttpRequest, id: str, missing: Callable[[int, str], str]) -> Row:
    try:
        return model._default_manager.get(id=parse_id(id), env=environment(request))
    except (InvalidId, model.DoesNotExist):
        reason = missing(environment(request), id)
        raise Http404(f"{reason[:1].upper()}{reason[1:]}.") from None
