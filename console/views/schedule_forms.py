"""The forms of a schedule: a range of ticks made up for, a pause with its reason."""

from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from console.forms import BackfillForm, PauseForm
from console.presenters.backfilling import Plan, last_day, plan, zone
from console.views.form_page import attempt, done, form_view, is_sent, show
from console.views.page import environment
from orchestrator.api.queries.schedules import find_schedule
from orchestrator.core.errors import OrchestratorError, ScheduleNotFound
from orchestrator.engine import scheduling
from orchestrator.models import Schedule


@form_view
def backfill(request: HttpRequest) -> HttpResponse:
    """The ticks of a range that have no run yet are started; before, the form tells which they are."""
    row = _schedule(request)
    first, last = last_day(row, datetime.now(UTC))
    form = BackfillForm(zone(row), request.POST if request.method == "POST" else None, initial=(first, last))
    if form.is_valid():
        first, last = form.cleaned_data["first"], form.cleaned_data["last"]
    planned = _plan(form, row, first, last) if not form.is_bound or form.is_valid() else None
    if planned is not None and is_sent(request):
        started = attempt(form, lambda: _backfill(request, row, form), "last")
        if started is not None:
            return done(request, _told(row.slug, started), resolve_url("console:schedules"))
    return show(request, "backfill", form, {"schedule": row, "plan": planned, "zone": zone(row).key})


@form_view
def pause(request: HttpRequest) -> HttpResponse:
    """From now on it does not tick; the note says why."""
    row = _schedule(request)
    form = PauseForm(request.POST if request.method == "POST" else None)
    if is_sent(request) and form.is_valid():

        def begin() -> bool:
            actor, note = request.user.get_username(), form.cleaned_data["note"]
            scheduling.pause(row.slug, note=note, env=row.env, actor=actor)
            return True

        if attempt(form, begin, "note"):
            return done(request, f"Paused {row.slug}.", resolve_url("console:schedules"))
    return show(request, "pause", form, {"schedule": row})


def _schedule(request: HttpRequest) -> Schedule:
    key = request.GET.get("key", "")
    try:
        if "\0" in key:  # PostgreSQL would not even compare it
            raise ScheduleNotFound("no schedule has such a key")
        return find_schedule(environment(request), key)
    except ScheduleNotFound as error:
        raise Http404(f"{str(error)[:1].upper()}{str(error)[1:300]}.") from None


def _plan(form: BackfillForm, row: Schedule, first: datetime, last: datetime) -> Plan | None:
    """None when it is refused, which the form says where the range ends."""
    try:
        return plan(row, first, last)
    except OrchestratorError as error:
        if form.is_bound:
            form.add_error("last", f"{str(error)[:1].upper()}{str(error)[1:]}.")
        return None


def _backfill(request: HttpRequest, row: Schedule, form: BackfillForm) -> scheduling.Backfill:
    asked, actor = form.cleaned_data, request.user.get_username()
    return scheduling.backfill(
        row.slug, asked["first"], asked["last"], overlap=asked["overlap"], env=row.env, actor=actor
    )


def _told(key: str, made: scheduling.Backfill) -> str:
    parts = [f"{made.started} started"]
    parts += [f"{number} {word}" for number, word in ((made.buffered, "waiting"), (made.skipped, "skipped")) if number]
    parts += [f"{made.done} had runs before"] if made.done else []
    return f"Backfilled {key}: {', '.join(parts)}."
