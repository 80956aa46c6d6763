"""The history of a run: a page, the rows that came since, and all of it as a file."""

from datetime import UTC, datetime

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.presenters.history import entries_after, history_json, history_page
from console.presenters.run_page import run_page
from console.presenters.waterfall import read_spans
from console.views.page import get_run, render_page
from orchestrator.core.ops import Status

MOST_SEQ = 2**31 - 1


@require_safe
@login_required
def history(request: HttpRequest, run_id: str) -> HttpResponse:
    """The run's journal by pages; ``kind`` may be given several times."""
    found = get_run(request, run_id)
    before = _number(request, "before")
    page = history_page(found, request.GET.getlist("kind"), _number(request, "after") or 0, before)
    context = {
        "page": run_page(read_spans(found), datetime.now(UTC)),
        "history": page,
        "view": "history",
        "follows": not Status(found.status).final and page.later is None,
    }
    return render_page(request, "console/history.html", context)


@require_safe
@login_required
def history_rows(request: HttpRequest, run_id: str) -> HttpResponse:
    """Rows of the entries after ``after``, for a page that is open."""
    found = get_run(request, run_id)
    entries = entries_after(found, request.GET.getlist("kind"), _number(request, "after") or 0)
    return render(request, "console/_history_rows.html", {"entries": entries, "run": found})


@require_safe
@login_required
def history_file(request: HttpRequest, run_id: str) -> HttpResponse:
    """The whole history as JSON."""
    found = get_run(request, run_id)
    headers = {"Content-Disposition": f'attachment; filename="{found.id}-history.json"'}
    return HttpResponse(b"".join(history_json(found)), content_type="application/json", headers=headers)


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return min(int(text), MOST_SEQ) if text.isdecimal() and len(text) < 12 else None
