"""The run page, its parts for the live update, the inspector, and the trace as JSON."""

from datetime import UTC, datetime

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import compress_string
from django.views.decorators.http import require_safe

from console.presenters import waterfall
from console.presenters.inspector import Inspector, full_value, inspector
from console.presenters.run_page import RunPage, run_page
from console.presenters.text import MICROSECOND
from console.views.page import get_run, render_page
from orchestrator.models import Run

TABLE_ROWS = 100
INLINE_STEPS = 500


@require_safe
@login_required
def run(request: HttpRequest, run_id: str) -> HttpResponse:
    """The whole page; without script it is complete as a table."""
    found, now = get_run(request, run_id), datetime.now(UTC)
    page = run_page(found, now)
    steps, table = page.trace.steps, request.GET.get("view") == "table"
    start = max(0, int(request.GET.get("from", "0") or 0)) if request.GET.get("from", "0").isdigit() else 0
    now_us = ((found.ended_at or now) - found.queued_at) // MICROSECOND
    context = {
        "page": page,
        "rows": waterfall.table_rows(page.trace, steps[start : start + TABLE_ROWS], now_us),
        "table": table,
        "view": "table" if table else "trace",
        "width": _width(request),
        "next_from": start + TABLE_ROWS if start + TABLE_ROWS < len(steps) else 0,
        "previous_from": max(0, start - TABLE_ROWS) if start else None,
        "trace": waterfall.wire_text(waterfall.wire(page.trace, now)) if len(steps) <= INLINE_STEPS else "",
        "inspector": _selected(request, page),
    }
    return render_page(request, "console/run.html", context)


@require_safe
@login_required
def run_head(request: HttpRequest, run_id: str) -> HttpResponse:
    """Head, summary and banner as they are now."""
    page = run_page(get_run(request, run_id), datetime.now(UTC))
    return render(request, "console/_run_head.html", {"page": page, "view": request.GET.get("view", "trace")})


@require_safe
@login_required
def run_inspector(request: HttpRequest, run_id: str) -> HttpResponse:
    shown = _inspector(request, get_run(request, run_id), request.GET.get("step", ""))
    if shown is None:
        raise Http404("This run has no such step.")
    return render(request, "console/_inspector.html", {"inspector": shown})


@require_safe
@login_required
def run_trace(request: HttpRequest, run_id: str) -> HttpResponse:
    """The trace as gzipped JSON; with ``since`` only the steps that changed after that journal entry."""
    found = get_run(request, run_id)
    tag = f'"{found.seq}"'
    if request.headers.get("if-none-match") == tag:
        return HttpResponse(status=304, headers={"ETag": tag})
    since = request.GET.get("since", "")
    keys = waterfall.changed_keys(found.id, int(since), found.seq) if since.isdigit() else None
    trace = waterfall.read_trace(found, keys)
    data = waterfall.wire(trace, datetime.now(UTC)) | {"full": keys is None}
    response = HttpResponse(waterfall.wire_text(data), content_type="application/json", headers={"ETag": tag})
    response["Cache-Control"] = "private, no-cache"
    if "gzip" in request.headers.get("accept-encoding", ""):
        response.content = compress_string(response.content)
        response["Content-Encoding"] = "gzip"
    response["Vary"] = "Accept-Encoding, Cookie"
    return response


@require_safe
@login_required
def run_value(request: HttpRequest, run_id: str) -> HttpResponse:
    """The whole output of a step, or of the run, as a file."""
    found = get_run(request, run_id)
    attempt = request.GET.get("attempt", "")
    text = full_value(found, request.GET.get("step", ""), int(attempt) if attempt.isdigit() else None)
    if text is None:
        raise Http404("This run has no such step.")
    headers = {"Content-Disposition": f'attachment; filename="{found.id}.json"'}
    return HttpResponse(text, content_type="application/json", headers=headers)


def _selected(request: HttpRequest, page: RunPage) -> Inspector | None:
    """The step that the address names, perhaps of a child run; else the one that a failed run failed in."""
    if "step" in request.GET:
        of_child = request.GET.get("run")
        return _inspector(request, get_run(request, of_child) if of_child else page.run, request.GET["step"])
    if page.first_failed and page.banner and page.banner.kind == "failed":
        return inspector(page.run, page.banner.step or page.first_failed.key)
    return None


def _inspector(request: HttpRequest, found: Run, step: str) -> Inspector | None:
    attempt = request.GET.get("attempt", "")
    return inspector(found, step, int(attempt) if attempt.isdigit() else None, request.GET.get("tab", ""))


def _width(request: HttpRequest) -> int | None:
    """The inspector's width in pixels, as the visitor left it."""
    chosen = request.COOKIES.get("inspector", "")
    return min(max(int(chosen), 280), 1_200) if chosen.isdecimal() and len(chosen) < 5 else None
