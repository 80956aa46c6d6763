"""What forms have in common: shown alone in a dialog or in a page of their own, sent once, refused at the field."""

from collections.abc import Callable
from functools import wraps
from secrets import token_urlsafe
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from console.views.page import render_page
from orchestrator.conf import settings
from orchestrator.core.errors import InvalidPayload, OrchestratorError, Unserialisable

View = Callable[..., HttpResponse]
Answer = TypeVar("Answer")


def form_view(view: View) -> View:
    """A form: GET shows it, POST sends it. A body over Django's limit is answered with the form and a message."""
    protected = csrf_protect(require_http_methods(["GET", "HEAD", "POST"])(login_required(view)))

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            request.POST  # noqa: B018 - reads the body, which the check for forgery would do first
        except RequestDataTooBig:
            messages.error(request, "Nothing was sent: the text is larger than this server reads from a form.")
            request.method = "GET"
            response = protected(request, *args, **kwargs)
            response.status_code = 413
            return response
        return protected(request, *args, **kwargs)

    return csrf_exempt(wrapper)


def is_sent(request: HttpRequest) -> bool:
    """Whether it is meant: a form may also be posted to see what it would do."""
    return request.method == "POST" and "preview" not in request.POST


def attempt(form: Form, verb: Callable[[], Answer], field: str | None = None) -> Answer | None:
    """The verb's answer; None when the engine refused, which the form then says where it belongs, or at ``field``."""
    try:
        return verb()
    except OrchestratorError as error:
        in_data = isinstance(error, InvalidPayload | Unserialisable) and "data" in form.fields
        form.add_error("data" if in_data else field, str(error))
        return None


def show(request: HttpRequest, name: str, form: Form, context: dict[str, Any]) -> HttpResponse:
    """The form alone when a script asks for it, else in a page of its own."""
    token = request.POST.get("token") or token_urlsafe(12)
    context |= {
        "form": form,
        "token": token,
        "most_bytes": settings().max_event_bytes,
        "action": request.get_full_path(),
    }
    template = f"console/_form_{name}.html"
    if request.headers.get("HX-Request") == "true":
        return render(request, template, context)
    response = render_page(request, "console/form.html", context | {"template": template})
    response.status_code = 422 if is_sent(request) and form.errors else 200
    return response


def done(request: HttpRequest, text: str, address: str) -> HttpResponse:
    """Goes to what came of it; a script is told to."""
    messages.success(request, text)
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)
