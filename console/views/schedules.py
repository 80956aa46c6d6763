"""The schedules list, with what a person does to one of them by one click."""

from datetime import UTC, datetime

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from console.presenters.schedule_list import schedules
from console.views.form_page import form_view
from console.views.page import environment, render_page
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine import scheduling

VERBS = (("pause", "Pause"), ("resume", "Resume"), ("trigger", "Run now"))


class VerbForm(forms.Form):
    """What is to be done to which schedule."""

    key = forms.CharField(max_length=scheduling.MAX_KEY)
    verb = forms.ChoiceField(choices=VERBS)
    note = forms.CharField(max_length=500, required=False)


@form_view
def schedule_list(request: HttpRequest) -> HttpResponse:
    """All schedules; posted to, one of them is paused, resumed, or run now."""
    form = VerbForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, _do(request, **form.cleaned_data))
        except OrchestratorError as error:
            messages.error(request, str(error))
        return redirect("console:schedules")
    found = schedules(environment(request), datetime.now(UTC))
    response = render_page(request, "console/schedules.html", {"rows": found})
    response.status_code = 422 if form.errors else 200
    return response


def _do(request: HttpRequest, key: str, verb: str, note: str) -> str:
    env, actor = environment(request), request.user.get_username()
    match verb:
        case "pause":
            scheduling.pause(key, note=note, env=env, actor=actor)
            return f"Paused {key}."
        case "resume":
            scheduling.resume(key, env=env, actor=actor)
            return f"Resumed {key}."
        case _:
            done = scheduling.trigger_now(key, env=env, actor=actor)
            return f"Started run {done.run_id}." if done.run_id else f"Nothing was started: {done.reason}."
