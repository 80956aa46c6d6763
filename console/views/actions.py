"""What a person may do with one click. Each calls one verb of the engine and says how it went."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from console.views.page import get_run
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine.cancel import cancel_run

View = Callable[..., HttpResponse]


def action(view: View) -> View:
    """A POST by somebody signed in. A refusal of the engine becomes a message on the page it came from."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except OrchestratorError as error:
            messages.error(request, str(error))
            return redirect(_back(request))

    return require_POST(login_required(wrapper))


@action
def cancel(request: HttpRequest, run_id: str) -> HttpResponse:
    run = get_run(request, run_id)
    cancel_run(run.id, actor=_actor(request))
    messages.success(request, f"Asked {run.function} to stop.")
    return redirect("console:run", run.id)


def _actor(request: HttpRequest) -> str:
    return request.user.get_username()


def _back(request: HttpRequest) -> str:
    match request.resolver_match:
        case None:
            return "console:runs"
        case match:
            parts = request.path.rstrip("/").split("/")
            return "/".join(parts[:-1]) if match.kwargs else "console:runs"
