"""Who may use the REST API: bearers of an API key; with open access whoever reaches it from no other web site."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from ninja.errors import AuthorizationError
from ninja.security import HttpBearer

from orchestrator.conf import settings
from orchestrator.core.errors import Unauthorized
from orchestrator.engine.keys import find_key
from orchestrator.models import Key


@dataclass(frozen=True, slots=True)
class Caller:
    """The environment a request works in, and the name that goes into the record of what was done."""

    env: int
    actor: str


class ApiKey(HttpBearer):
    """``Authorization: Bearer <api key>``."""

    def __call__(self, request: HttpRequest) -> Caller:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        caller = self.authenticate(request, token.strip()) if scheme.lower() == "bearer" else None
        if caller is not None:
            return caller
        if not settings().open_access:
            raise Unauthorized("this needs an API key that is not revoked: send Authorization: Bearer <api key>")
        _refuse_other_sites(request)
        return Caller(1, "api")

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        known = find_key(token, Key.Kind.API)
        return Caller(known.env, f"key {known.name}") if known else None


def caller_of(request: HttpRequest) -> Caller:
    """The caller that ``ApiKey`` let in."""
    caller: Any = request.auth  # type: ignore[attr-defined]  # set by ninja
    assert isinstance(caller, Caller)
    return caller


def _refuse_other_sites(request: HttpRequest) -> None:
    """With no key asked for, any web page open in the developer's browser could start and cancel runs here."""
    origin = request.headers.get("Origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.get_host()
    if foreign or request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise AuthorizationError(
            message="open access is for programs and pages of this server, not for other web sites"
        )
