"""The functions list, and the page of a function with the form that runs it."""

from datetime import UTC, datetime

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from console.forms import JsonText
from console.presenters.figures import SPANS
from console.presenters.function_list import DAY, functions
from console.presenters.function_page import function_page, sample_payload
from console.views.form_page import form_view
from console.views.page import environment, render_page
from orchestrator.conf import settings
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine.triggering import trigger
from orchestrator.models import Function


class RunForm(forms.Form):
    """The payload of a run."""

    payload = JsonText()


@require_safe
@login_required
def function_list(request: HttpRequest) -> HttpResponse:
    """All functions, or those with the text ``q`` in their id or description."""
    wanted = request.GET.get("q", "").strip()
    found = functions(environment(request), datetime.now(UTC))
    return render_page(request, "console/functions.html", {"found": found.with_text(wanted), "wanted": wanted})


@form_view
def function(request: HttpRequest, slug: str) -> HttpResponse:
    """How a function is set up and how it fared; posted to, a run of it with the payload that was typed."""
    # No id holds a NUL, and PostgreSQL would not even compare it with one.
    known = None if "\0" in slug else Function.objects.filter(env=environment(request), slug=slug).first()
    if known is None:
        raise Http404(f"There is no function {slug[:200]} in this environment.")
    form = RunForm(request.POST if request.method == "POST" else None, initial={"payload": sample_payload(known)})
    if request.method == "POST" and form.is_valid() and (run_id := _start(known, form)):
        messages.success(request, f"Started a run of {known.slug}.")
        return redirect("console:run", run_id)
    span = SPANS.get(request.GET.get("span", ""), DAY)
    page = function_page(known, span, datetime.now(UTC))
    context = {"page": page, "form": form, "most_bytes": settings().max_event_bytes}
    response = render_page(request, "console/function.html", context)
    response.status_code = 422 if form.errors else 200
    return response


def _start(known: Function, form: RunForm) -> str | None:
    try:
        return trigger(known.slug, form.cleaned_data["payload"], env=known.env)
    except OrchestratorError as error:
        form.add_error("payload", f"{str(error)[0].upper()}{str(error)[1:]}.")
        return None
