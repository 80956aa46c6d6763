"""The runs list: the page, and rows by id for the live update."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.presenters import run_list
from console.presenters.run_list import PAGE_SIZE, Filters
from console.presenters.stories import cards
from console.views.page import environment, render_page
from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id
from orchestrator.models import Run

CURL = """curl {origin}/e/dev -H 'content-type: application/json' \\
  -d '{{"name": "document/uploaded", "data": {{"document": "license", "fail_times": 2}}}}'"""


@require_safe
@login_required
def runs(request: HttpRequest) -> HttpResponse:
    """Runs newest first, filtered by the address."""
    filters = Filters.read(environment(request), request.GET)
    page = run_list.page(filters, request.GET.get("before", ""), request.GET.get("after", ""))
    rows = run_list.rows(page.runs)
    counts = run_list.counts(filters)
    tabs = [("", "All", filters.query(status=""), "")]
    tabs += [(name, name.capitalize(), filters.query(status=name), counts.get(name, "")) for name in run_list.TABS]
    context = {
        "filters": filters,
        "tabs": tabs,
        "rows": rows,
        "newer": filters.query(after=page.newer) if page.newer else "",
        "older": filters.query(before=page.older) if page.older else "",
        "newest": filters.query(),
        "first_page": not page.newer and not request.GET.get("before"),
        "functions": run_list.function_slugs(filters.env),
        "without_event": filters.query(event=""),
        "filtered": filters.narrowed,
        "cards": [] if rows else cards(),
        "curl": CURL.format(origin=request.build_absolute_uri("/").rstrip("/")),
    }
    return render_page(request, "console/runs.html", context)


@require_safe
@login_required
def run_rows(request: HttpRequest) -> HttpResponse:
    """Rows of the runs ``ids``, or of those newer than ``since``: what the live list puts in place."""
    filters = Filters.read(environment(request), request.GET)
    if since := request.GET.get("since", ""):
        found = filters.runs().filter(id__gt=_known([since])[0]) if _known([since]) else filters.runs()
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
