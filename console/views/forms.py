"""The forms of the console: pages of their own, or in a dialog. Each sends one verb of the engine."""

from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from console.forms import EventForm, ReplayForm, RetriggerForm, SignalForm
from console.presenters.event_pages import event_names
from console.presenters.replaying import choices, editable, payload, plan
from console.presenters.waiting import signal_names
from console.presenters.waterfall import read_spans
from console.views.page import environment, get_event, get_run, render_page
from orchestrator.conf import settings
from orchestrator.core.errors import InvalidPayload, OrchestratorError, Unserialisable
from orchestrator.core.events import IncomingEvent
from orchestrator.core.ops import Status
from orchestrator.engine.operating import send_by_hand
from orchestrator.engine.replay import UNCHANGED, replay_run, retrigger_event
from orchestrator.engine.signals import send_signal

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


@form_view
def replay(request: HttpRequest, run_id: str) -> HttpResponse:
    """A new run on the same events, or on an edited payload; from a step on it keeps the results before that step."""
    run = get_run(request, run_id)
    steps, given = read_spans(run).steps, payload(run)
    form = _form(ReplayForm, request, {"step": request.GET.get("step", ""), "data": given.text if given else None})
    chosen = str(form["step"].value() or "")
    if _is_sent(request) and form.is_valid():
        data = form.cleaned_data.get("data")
        edited = data if given and data != given.value else None
        actor = request.user.get_username()
        key = _once(request)
        new = _try(form, lambda: replay_run(run.id, from_step=chosen or None, data=edited, key=key, actor=actor))
        if new:
            said = f"Replaying from {chosen}" if chosen else "Replaying from the start"
            return _done(request, f"{said}{', with the edited payload' if edited is not None else ''}.", "run", new)
    context = {"run": run, "plan": plan(steps, chosen), "choices": choices(steps, chosen), "given": given}
    return _show(request, "replay", form, context | {"step_count": len(steps)})


@form_view
def signal(request: HttpRequest, run_id: str) -> HttpResponse:
    """A signal for a run; its name is that of an open wait unless another is given."""
    run = get_run(request, run_id)
    names = signal_names(run.id)
    wanted = request.GET.get("name") or (names[0] if names else "")
    form = _form(SignalForm, request, {"name": wanted, "data": "", "key": ""})
    if _is_sent(request) and form.is_valid():
        sent = form.cleaned_data
        actor, key = request.user.get_username(), sent["key"] or _once(request)

        def send() -> bool:
            send_signal(run.id, sent["name"], sent["data"], key=key, actor=actor)
            return True

        if _try(form, send):
            return _done(request, f"Sent signal {sent['name']}.", "run", run.id)
    return _show(request, "signal", form, {"run": run, "names": names, "ended": Status(run.status).final})


@form_view
def retrigger(request: HttpRequest, event_id: str) -> HttpResponse:
    """The event once more, as it was or with edited data."""
    event = get_event(request, event_id)
    text = editable(event.data)
    form = _form(RetriggerForm, request, {"data": text})
    if _is_sent(request) and form.is_valid():
        data = form.cleaned_data.get("data", event.data)
        new_data = UNCHANGED if data == event.data else data
        new = _try(form, lambda: retrigger_event(event.id, data=new_data, actor=request.user.get_username()))
        if new:
            said = "again" if new_data is UNCHANGED else "with the edited payload"
            return _done(request, f"Sent {event.name} {said}.", "event", new)
    return _show(request, "retrigger", form, {"event": event, "editable": text is not None})


@form_view
def send_event(request: HttpRequest) -> HttpResponse:
    """An event by name and JSON."""
    env = environment(request)
    form = _form(EventForm, request, {"name": request.GET.get("name", ""), "data": "{}"})
    if _is_sent(request) and form.is_valid():
        event = IncomingEvent(form.cleaned_data["name"], form.cleaned_data["data"])
        new = _try(form, lambda: send_by_hand(event, env=env, actor=request.user.get_username()))
        if new:
            return _done(request, f"Sent {event.name}.", "event", new)
    return _show(request, "event", form, {"names": event_names(env)})


def _is_sent(request: HttpRequest) -> bool:
    """Whether it is meant: a form may also be posted to see what it would do."""
    return request.method == "POST" and "preview" not in request.POST


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


def _try(form: Form, verb: Callable[[], Answer]) -> Answer | None:
    """The verb's answer; None when the engine refused, which the form then says where it belongs."""
    try:
        return verb()
    except OrchestratorError as error:
        in_data = isinstance(error, InvalidPayload | Unserialisable) and "data" in form.fields
        form.add_error("data" if in_data else None, str(error))
        return None


def _show(request: HttpRequest, name: str, form: Form, context: dict[str, Any]) -> HttpResponse:
    """The form alone when a script asks for it, else in a page of its own."""
    token = request.POST.get("token") or token_urlsafe(12)
    context |= {"form": form, "token": token, "most_bytes": settings().max_event_bytes, "action": request.path}
    template = f"console/_form_{name}.html"
    if request.headers.get("HX-Request") == "true":
        return render(request, template, context)
    response = render_page(request, "console/form.html", context | {"template": template})
    response.status_code = 422 if _is_sent(request) and form.errors else 200
    return response


def _done(request: HttpRequest, text: str, page: str, id: str) -> HttpResponse:
    """Goes to what came of it; a script is told to."""
    messages.success(request, text)
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204, headers={"HX-Redirect": resolve_url(f"console:{page}", id)})
    return redirect(f"console:{page}", id)
