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
from console.presenters.usage import usage
from console.views.page import get_run, render_page
from orchestrator.models import Run

TABLE_ROWS = 100
INLINE_STEPS = 500


@require_safe
@login_required
def run(request: HttpRequest, run_id: str) -> HttpResponse:
    """The whole page; without script it is complete as a table."""
    found, now = get_run(request, run_id), datetime.now(UTC)
    page = run_page(waterfall.read_trace(found), now)
    steps, table = page.trace.steps, request.GET.get("view") == "table"
    start = _start(request)
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
    page = run_page(waterfall.read_spans(get_run(request, run_id)), datetime.now(UTC))
    return render(request, "console/_run_head.html", {"page": page, "view": request.GET.get("view", "trace")})


@require_safe
@login_required
def run_usage(request: HttpRequest, run_id: str) -> HttpResponse:
    """How far the run is and what it uses, as it is now."""
    return render(request, "console/_usage.html", {"usage": usage(get_run(request, run_id))})


@require_safe
@login_required
def run_inspector(request: HttpRequest, run_id: str) -> HttpResponse:
    shown = _inspector(request, get_run(request, run_id), _step(request))
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
    keys = waterfall.changed_keys(found.id, int(since), found.seq) if since.isdecimal() and len(since) < 10 else None
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
    text = full_value(found, _step(request), _attempt(request))
    if text is None:
        raise Http404("This run has no such step.")
    headers = {"Content-Disposition": f'attachment; filename="{found.id}.json"'}
    return HttpResponse(text, content_type="application/json", headers=headers)


def _selected(request: HttpRequest, page: RunPage) -> Inspector | None:
    """The step that the address names, perhaps of a child run; else the one that a failed run failed in."""
    if "step" in request.GET:
        of_child = request.GET.get("run")
        return _inspector(request, get_run(request, of_child) if of_child else page.run, _step(request))
    if page.first_failed and page.banner and page.banner.kind == "failed":
        return inspector(page.run, page.banner.step or page.first_failed.key)
    return None


def _inspector(request: HttpRequest, found: Run, step: str) -> Inspector | None:
    return inspector(found, step, _attempt(request), request.GET.get("tab", ""))


def _start(request: HttpRequest) -> int:
    text = request.GET.get("from", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _step(request: HttpRequest) -> str:
    """The step that the address names. No step's name has a NUL, and PostgreSQL refuses to look for one."""
    step = request.GET.get("step", "")
    if "\0" in step:
        raise Http404("This run has no such step.")
    return step


def _attempt(request: HttpRequest) -> int | None:
    text = request.GET.get("attempt", "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _width(request: HttpRequest) -> int | None:
    """The inspector's width in pixels, as the visitor left it."""
    chosen = request.COOKIES.get("inspector", "")
    return min(max(int(chosen), 280), 1_200) if chosen.isdecimal() and len(chosen) < 5 else None
