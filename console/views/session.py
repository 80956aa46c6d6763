"""The visitor's own choices: theme, and signing in and out."""

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from console.presenters.shell import THEMES

ONE_YEAR_SECONDS = 365 * 24 * 3600
sign_in = LoginView.as_view(template_name="console/login.html", redirect_authenticated_user=True)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remembers the theme in a cookie, so that the server renders pages in it."""
    wanted = request.POST.get("theme", "system")
    target = request.POST.get("next", "/")
    safe = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()})
    # Not redirect(), which takes words without a slash for names of pages.
    response = HttpResponseRedirect(target if safe else "/")
    if wanted in THEMES:
        response.set_cookie("theme", wanted, max_age=ONE_YEAR_SECONDS, samesite="Lax", secure=request.is_secure())
    return response
