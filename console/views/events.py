"""The events list and the event page."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.presenters.event_pages import event_names, event_page, events_page
from console.views.page import environment, get_event, render_page
from console.views.runs import CURL


@require_safe
@login_required
def events(request: HttpRequest) -> HttpResponse:
    env, name = environment(request), request.GET.get("name", "").replace("\0", "")  # PostgreSQL takes none
    page = events_page(env, name, request.GET.get("before", ""), request.GET.get("after", ""))
    kept = {"name": name} if name else {}
    context = {
        "rows": page.rows,
        "name": name,
        "names": event_names(env),
        "newer": "?" + urlencode(kept | {"after": page.newer}) if page.newer else "",
        "older": "?" + urlencode(kept | {"before": page.older}) if page.older else "",
        "newest": "?" + urlencode(kept),
        "first_page": not page.newer and not request.GET.get("before"),
        "curl": CURL.format(origin=request.build_absolute_uri("/").rstrip("/")),
    }
    return render_page(request, "console/events.html", context)


@require_safe
@login_required
def event(request: HttpRequest, event_id: str) -> HttpResponse:
    return render_page(request, "console/event.html", {"page": event_page(get_event(request, event_id))})


@require_safe
@login_required
def event_outcome(request: HttpRequest, event_id: str) -> HttpResponse:
    """What the event caused so far: the part of its page that grows."""
    return render(request, "console/_event_outcome.html", {"page": event_page(get_event(request, event_id))})
