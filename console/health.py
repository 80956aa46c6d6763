"""The health checks that load balancers, supervisors and tests ask; they need no key and no proper host name."""

import os
from collections.abc import Callable
from functools import lru_cache

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orchestrator.conf import settings


class HealthMiddleware:
    """Answers /healthz and /readyz before anything else: probes come by address, which ALLOWED_HOSTS does not have."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        check = CHECKS.get(request.path_info)
        return self.get_response(request) if check is None else check(request)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process serves: to start it again helps no database that is away."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when this process may get requests: its database answers, has this code's tables and can be written."""
    wrapper = _database()
    parts = {"database": "ok", "migrations": "ok", "writable": "ok"}
    try:
        parts["writable"] = "ok" if _writable(wrapper) else "read-only"
        parts["migrations"] = _migrations(wrapper)
    except DatabaseError:  # whose words may name hosts and users
        parts = dict.fromkeys(parts, "unknown") | {"database": "does not answer"}
    ready = set(parts.values()) == {"ok"}
    return JsonResponse({"status": "ready" if ready else "not ready", **parts}, status=200 if ready else 503)


CHECKS = {"/healthz": healthz, "/readyz": readyz}


def _database() -> BaseDatabaseWrapper:
    return connections[settings().database]


def _writable(wrapper: BaseDatabaseWrapper) -> bool:
    """Not a standby, and no file that may only be read: nothing is written to find out, since health is asked often."""
    with wrapper.cursor() as cursor:
        if wrapper.vendor == "sqlite":
            cursor.execute("SELECT file FROM pragma_database_list WHERE name = 'main'")
            (file,) = cursor.fetchone()
            return not file or os.access(file, os.W_OK)
        cursor.execute("SHOW transaction_read_only")
        return bool(cursor.fetchone()[0] == "off")


def _migrations(wrapper: BaseDatabaseWrapper) -> str:
    """``ok``, or how many of this code's apps wait for a migration."""
    recorded = MigrationRecorder(wrapper)
    applied = set(recorded.migration_qs.values_list("app", "name")) if recorded.has_table() else set()
    missing = _newest_migrations() - applied
    return f"{len(missing)} missing" if missing else "ok"


@lru_cache(maxsize=1)
def _newest_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of each app: those before it were applied with it."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())
