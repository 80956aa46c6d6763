"""Signing in without a password in development, for visitors from this machine only."""

from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

Scope = dict[str, Any]
AsgiApp = Callable[[Scope, Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[None]]

# A tunnel or proxy on this machine also connects from loopback; these headers tell that the visitor is elsewhere.
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class DevAutoLoginMiddleware:
    """Lets an anonymous visitor from loopback act as the superuser ``dev``; ``request.dev_auto_login`` says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_dev = is_dev_visitor(request.META.get("REMOTE_ADDR", ""), request.headers) and request.user.is_anonymous
        if is_dev:
            request.user = SimpleLazyObject(dev_user)  # type: ignore[assignment]
            request.auser = database_sync_to_async(dev_user)  # type: ignore[method-assign,assignment]
        request.dev_auto_login = is_dev  # type: ignore[attr-defined]
        return self.get_response(request)


class DevAutoLogin:
    """The same for a websocket: an ASGI layer that stands inside AuthMiddlewareStack."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(
        self, scope: Scope, receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[Any]]
    ) -> None:
        client, _port = scope.get("client") or ("", 0)
        headers = {name.decode("latin-1").lower(): value for name, value in scope.get("headers", [])}
        if is_dev_visitor(client, headers) and scope["user"].is_anonymous:
            scope = scope | {"user": await database_sync_to_async(dev_user)()}
        await self.app(scope, receive, send)


def dev_auto_login(request: HttpRequest) -> dict[str, bool]:
    """Template context: ``dev_auto_login``, true when the visitor was signed in by this module."""
    return {"dev_auto_login": getattr(request, "dev_auto_login", False)}


def is_dev_visitor(address: str, headers: Mapping[str, Any]) -> bool:
    """True in development for a connection from loopback that nobody forwarded."""
    if not getattr(settings, "SIGNALBOX_DEV_AUTO_LOGIN", False) or any(name in headers for name in FORWARDED):
        return False
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def may_enter(user: Any) -> bool:
    """Whether this user may see the console: active, and staff as for Django's admin."""
    return bool(user.is_authenticated and user.is_active and getattr(user, "is_staff", False))


def dev_user() -> AbstractBaseUser:
    """The superuser ``dev``, made on first use; it has no password, so nobody can sign in as it elsewhere."""
    users = get_user_model()
    defaults = {"is_staff": True, "is_superuser": True, "password": "!"}
    user, _created = users._default_manager.get_or_create(**{users.USERNAME_FIELD: "dev"}, defaults=defaults)
    return user
