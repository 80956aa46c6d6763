"""The forms of runs and events. Each sends one verb of the engine."""

from hashlib import sha256
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from console.forms import EventForm, ReplayForm, RetriggerForm, SignalForm
from console.presenters.event_pages import event_names
from console.presenters.replaying import choices, editable, payload, plan
from console.presenters.waiting import signal_names
from console.presenters.waterfall import read_spans
from console.views.form_page import attempt, done, form_view, is_sent, show
from console.views.page import environment, get_event, get_run
from orchestrator.core.events import IncomingEvent
from orchestrator.core.ops import Status
from orchestrator.engine.operating import send_by_hand
from orchestrator.engine.replay import UNCHANGED, replay_run, retrigger_event
from orchestrator.engine.signals import send_signal


@form_view
def replay(request: HttpRequest, run_id: str) -> HttpResponse:
    """A new run on the same events, or on an edited payload; from a step on it keeps the results before that step."""
    run = get_run(request, run_id)
    steps, given = read_spans(run).steps, payload(run)
    form = _form(ReplayForm, request, {"step": request.GET.get("step", ""), "data": given.text if given else None})
    chosen = str(form["step"].value() or "")
    if is_sent(request) and form.is_valid():
        data = form.cleaned_data.get("data")
        edited = data if given and data != given.value else None
        actor = request.user.get_username()
        key = _once(request)
        new = attempt(form, lambda: replay_run(run.id, from_step=chosen or None, data=edited, key=key, actor=actor))
        if new:
            said = f"Replaying from {chosen or 'the start'}{', with the edited payload' if edited is not None else ''}."
            return done(request, said, resolve_url("console:run", new))
    context = {"run": run, "plan": plan(steps, chosen), "choices": choices(steps, chosen), "given": given}
    return show(request, "replay", form, context | {"step_count": len(steps)})


@form_view
def signal(request: HttpRequest, run_id: str) -> HttpResponse:
    """A signal for a run; its name is that of an open wait unless another is given."""
    run = get_run(request, run_id)
    names = signal_names(run.id)
    wanted = request.GET.get("name") or (names[0] if names else "")
    form = _form(SignalForm, request, {"name": wanted, "data": "", "key": ""})
    if is_sent(request) and form.is_valid():
        sent = form.cleaned_data
        actor, key = request.user.get_username(), sent["key"] or _once(request)

        def send() -> bool:
            send_signal(run.id, sent["name"], sent["data"], key=key, actor=actor)
            return True

        if attempt(form, send):
            return done(request, f"Sent signal {sent['name']}.", resolve_url("console:run", run.id))
    return show(request, "signal", form, {"run": run, "names": names, "ended": Status(run.status).final})


@form_view
def retrigger(request: HttpRequest, event_id: str) -> HttpResponse:
    """The event once more, as it was or with edited data."""
    event = get_event(request, event_id)
    text = editable(event.data)
    form = _form(RetriggerForm, request, {"data": text})
    if is_sent(request) and form.is_valid():
        data = form.cleaned_data.get("data", event.data)
        new_data = UNCHANGED if data == event.data else data
        new = attempt(form, lambda: retrigger_event(event.id, data=new_data, actor=request.user.get_username()))
        if new:
            said = "again" if new_data is UNCHANGED else "with the edited payload"
            return done(request, f"Sent {event.name} {said}.", resolve_url("console:event", new))
    return show(request, "retrigger", form, {"event": event, "editable": text is not None})


@form_view
def send_event(request: HttpRequest) -> HttpResponse:
    """An event by name and JSON."""
    env = environment(request)
    form = _form(EventForm, request, {"name": request.GET.get("name", ""), "data": "{}"})
    if is_sent(request) and form.is_valid():
        event = IncomingEvent(form.cleaned_data["name"], form.cleaned_data["data"])
        new = attempt(form, lambda: send_by_hand(event, env=env, actor=request.user.get_username()))
        if new:
            return done(request, f"Sent {event.name}.", resolve_url("console:event", new))
    return show(request, "event", form, {"names": event_names(env)})


def _once(request: HttpRequest) -> str | None:
    """The same key for the same form sent twice, by a double click or a reload; another one when it was edited."""
    token = request.POST.get("token", "")
    typed = (request.POST.get(name, "") for name in ("token", "step", "name", "data"))
    return sha256("\0".join(typed).encode("utf-8", "replace")).hexdigest() if token else None


def _form(kind: type[Form], request: HttpRequest, initial: dict[str, Any]) -> Form:
    """Bound when posted. A payload that is not there, since it cannot be edited, is not asked for."""
    form = kind(request.POST, initial=initial) if request.method == "POST" else kind(initial=initial)
    if request.method == "POST" and "data" not in request.POST and kind in (ReplayForm, RetriggerForm):
        del form.fields["data"]
    return form
