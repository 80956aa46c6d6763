"""The console's addresses."""

from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from console.gate import gated
from console.views import (
    actions,
    events,
    examples,
    forms,
    functions,
    history,
    run,
    runs,
    schedule_forms,
    schedules,
    session,
)

pages = [
    path("", RedirectView.as_view(pattern_name="console:runs"), name="home"),
    path("runs", runs.runs, name="runs"),
    path("runs/rows", runs.run_rows, name="run-rows"),
    path("runs/<str:run_id>", run.run, name="run"),
    path("runs/<str:run_id>/head", run.run_head, name="run-head"),
    path("runs/<str:run_id>/usage", run.run_usage, name="run-usage"),
    path("runs/<str:run_id>/inspector", run.run_inspector, name="run-inspector"),
    path("runs/<str:run_id>/trace", run.run_trace, name="run-trace"),
    path("runs/<str:run_id>/value", run.run_value, name="run-value"),
    path("runs/<str:run_id>/cancel", actions.cancel, name="run-cancel"),
    path("runs/<str:run_id>/replay", forms.replay, name="run-replay"),
    path("runs/<str:run_id>/signal", forms.signal, name="run-signal"),
    path("runs/<str:run_id>/history", history.history, name="run-history"),
    path("runs/<str:run_id>/history/rows", history.history_rows, name="run-history-rows"),
    path("runs/<str:run_id>/history.json", history.history_file, name="run-history-file"),
    path("events", events.events, name="events"),
    path("events/send", forms.send_event, name="send-event"),
    path("events/<str:event_id>", events.event, name="event"),
    path("events/<str:event_id>/outcome", events.event_outcome, name="event-outcome"),
    path("events/<str:event_id>/retrigger", forms.retrigger, name="event-retrigger"),
    path("functions", functions.function_list, name="functions"),
    # Ids may hold slashes.
    path("functions/<path:slug>/", functions.function, name="function"),
    path("schedules", schedules.schedule_list, name="schedules"),
    # Keys may hold anything that prints: they are no part of a path.
    path("schedules/backfill", schedule_forms.backfill, name="schedule-backfill"),
    path("schedules/pause", schedule_forms.pause, name="schedule-pause"),
    path("examples", examples.examples, name="examples"),
    path("examples/<slug:story>", examples.start_example, name="start-example"),
    path("theme", session.theme, name="theme"),
    path("login/", session.sign_in, name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
]
urlpatterns = [path("", include((gated(pages), "console")))]
