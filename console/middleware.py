"""What every page has: a policy that runs nothing this server did not send, and words for a database that is away."""

import logging
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from orchestrator.db.schema import is_unmigrated

logger = logging.getLogger(__name__)
RETRY_AFTER_SECONDS = "1"
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self' 'nonce-{nonce}'",
        "style-src 'self' 'nonce-{nonce}'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)


class ContentSecurityPolicyMiddleware:
    """Puts every answer of the project under the policy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = with_policy(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)


class DatabaseAwayMiddleware:
    """503 instead of 500 for a page whose database does not answer: whoever asks should come back soon."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Django calls it with what a view raised."""
        unmigrated = is_unmigrated(error)
        if unmigrated and settings.DEBUG:
            return None  # a query of somebody's own, more likely: Django's page shows it
        if not unmigrated and not isinstance(error, (OperationalError, InterfaceError)):
            return None
        logger.error("page.database_failed", extra={"path": request.path}, exc_info=error)
        headers = {"Retry-After": RETRY_AFTER_SECONDS}
        page = render_to_string("503.html", {"unmigrated": unmigrated})
        return HttpResponse(page, status=503, headers=headers)


def with_policy(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Gives the request a ``csp_nonce``, unless it has one, and the response the policy that names it."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        nonce = getattr(request, "csp_nonce", None) or secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Content-Security-Policy", POLICY.format(nonce=nonce))
        return response

    return wrapper


def csp_nonce(request: HttpRequest) -> dict[str, str]:
    """Template context: ``csp_nonce``, the name django-htmx's tags look for."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}
