"""The functions list."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from console.presenters.function_list import functions
from console.views.page import environment, render_page


@require_safe
@login_required
def function_list(request: HttpRequest) -> HttpResponse:
    return render_page(request, "console/functions.html", {"rows": functions(environment(request))})
