"""The runs list: the page, and rows by id for the live update."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.presenters import run_list
from console.presenters.event_pages import event_names
from console.presenters.run_filters import GROUPS, PRESETS, Filters, moment_field
from console.presenters.run_list import PAGE_SIZE
from console.presenters.stories import cards
from console.presenters.text import STATUS_WORDS
from console.views.page import environment, render_page
from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id
from orchestrator.models import Run

CURL = """curl {origin}/e/dev -H 'content-type: application/json' \\
  -d '{{"name": "document/uploaded", "data": {{"document": "license", "fail_times": 2}}}}'"""


@require_safe
@login_required
def runs(request: HttpRequest) -> HttpResponse:
    """Runs newest first, filtered by the address. Filters that cannot be read are answered with 400, as a page."""
    filters = Filters.read(environment(request), request.GET)
    page = run_list.page(filters, request.GET.get("before", ""), request.GET.get("after", ""))
    rows = run_list.rows(page.runs)
    chips, first_page = filters.chips(), not page.newer and not request.GET.get("before")
    no_match = first_page and not rows and not filters.faults
    context = {
        "filters": filters,
        "chips": chips,
        "matchless": run_list.matchless(chips) if no_match else [],
        "count": "0" if no_match else run_list.count(filters, page) if chips and not filters.faults else "",
        "tabs": run_list.tabs(filters),
        "rows": rows,
        "newer": filters.query(after=page.newer) if page.newer else "",
        "older": filters.query(before=page.older) if page.older else "",
        "newest": filters.query(),
        "first_page": first_page,
        "cards": [] if rows else cards(),
        "curl": CURL.format(origin=request.build_absolute_uri("/").rstrip("/")),
        **_choices(filters),
    }
    response = render_page(request, "console/runs.html", context)
    response.status_code = 400 if filters.faults else 200
    return response


def _choices(filters: Filters) -> Mapping[str, Any]:
    """What the controls of the filters offer."""
    return {
        "functions": run_list.function_slugs(filters.env),
        "event_names": event_names(filters.env),
        "statuses": [
            [(str(status), STATUS_WORDS[status], status in filters.statuses) for status in group]
            for group in GROUPS.values()
        ],
        "spans": [(word, filters.query(since=text, until=""), filters.since == text) for text, word in PRESETS.items()],
        "faults": filters.told_faults(),
        "since_field": moment_field(filters.since),
        "until_field": moment_field(filters.until),
        "any_time": filters.query(since="", until=""),
    }


@require_safe
@login_required
def run_rows(request: HttpRequest) -> HttpResponse:
    """Rows of the runs ``ids``, or of those ``newer`` than a run: what the live list puts in place."""
    filters = Filters.read(environment(request), request.GET)
    if (newer := request.GET.get("newer")) is not None:
        known = _known([newer])
        found = filters.runs().filter(id__gt=known[0]) if known else filters.runs()
    else:
        found = Run.objects.filter(env=filters.env, id__in=_known(request.GET.get("ids", "").split(",")))
    rows = run_list.rows(list(found.order_by("-id")[:PAGE_SIZE]))
    return render(request, "console/_run_rows.html", {"rows": rows})


def _known(ids: list[str]) -> list[str]:
    known = []
    for id in ids[:PAGE_SIZE]:
        try:
            known.append(parse_id(id))
        except InvalidId:
            continue
    return known
