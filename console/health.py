"""The health checks that load balancers, supervisors and tests ask; they need no key and no proper host name."""

import os
from collections.abc import Callable
from functools import cache, partial

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orchestrator.api.problems import problem, problem_response
from orchestrator.conf import settings
from orchestrator.db.looking import Look
from orchestrator.db.postgresql.outage import forget_pool, outage_of
from orchestrator.db.schema import WAY_OUT, missing_migrations

ANSWER_SECONDS = 1.5
WAYS_OUT = {
    "database": "the database does not answer: start it, or see where DATABASE_URL leads; nothing here needs a restart",
    "migrations": WAY_OUT,
    "writable": "the database can only be read: see whether DATABASE_URL leads to a standby",
}


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
    try:
        parts = _look(settings().database).ask(ANSWER_SECONDS)
    except DatabaseError:  # whose words may name hosts and users
        parts = dict.fromkeys(WAYS_OUT, "unknown") | {"database": "does not answer"}
    else:
        outage_of(settings().database).over()  # ready means that requests are served
    if set(parts.values()) == {"ok"}:
        return JsonResponse({"status": "ready", **parts})
    wrong = [WAYS_OUT[part] for part, state in parts.items() if state not in {"ok", "unknown"}]
    return problem_response(problem(503, "not_ready", "; ".join(wrong), **parts))


CHECKS = {"/healthz": healthz, "/readyz": readyz}


@cache
def _look(alias: str) -> Look[dict[str, str]]:
    return Look(alias, _parts, lost=partial(forget_pool, alias))


def _parts(wrapper: BaseDatabaseWrapper) -> dict[str, str]:
    writable = "ok" if _writable(wrapper) else "read-only"
    return {"database": "ok", "migrations": _migrations(wrapper), "writable": writable}


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
    missing = missing_migrations(wrapper)
    return f"{len(missing)} missing" if missing else "ok"
