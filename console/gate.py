"""Who may open the console's pages, and what those may load: alike in every project that the console is part of."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.conf import global_settings, settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from console.auth import may_enter
from console.middleware import with_policy

View = Callable[..., HttpResponse]
OPEN_PAGES = {"login", "logout", "theme"}


def gated(pages: Sequence[URLPattern]) -> Sequence[URLPattern]:
    """The pages under the console's Content-Security-Policy; all but those to sign in and out are for staff only."""
    for page in pages:
        page.callback = with_policy(page.callback if page.name in OPEN_PAGES else for_staff(page.callback))
    return pages


def for_staff(view: View) -> View:
    """The console shows all payloads and acts on all runs: being a customer of the site is not enough."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), login_url())
        if not may_enter(request.user):
            raise PermissionDenied("The console is for staff. Ask an administrator to make this account one of them.")
        return view(request, *args, **kwargs)

    return wrapper


def login_url() -> str:
    """The project's LOGIN_URL; the console's own page when the project has not chosen any."""
    chosen = str(settings.LOGIN_URL)
    return reverse("console:login") if chosen == global_settings.LOGIN_URL else chosen
