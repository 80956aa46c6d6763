"""The Content-Security-Policy of every page: nothing runs that this server did not send."""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

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
