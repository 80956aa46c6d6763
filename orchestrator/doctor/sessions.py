"""The engines that are alive, by their sessions in the database."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from orchestrator.conf import settings
from orchestrator.doctor.findings import Finding, ok, warn
from orchestrator.models import Worker

START = "Start one with make dev, or with manage.py engine beside a web server of your own."


def live_engines(now: datetime) -> list[Worker]:
    """Sessions whose lease runs, without processes that only send and those of this machine that are gone."""
    found = Worker.objects.using(settings().database).filter(expires_at__gt=now).order_by("started_at")
    return [worker for worker in found if worker.queues and not _is_gone(worker)]


def examine_engines(now: datetime) -> Finding:
    """Who would execute what is sent now."""
    return judge_engines(live_engines(now))


def judge_engines(engines: Sequence[Worker]) -> Finding:
    """One line for however many engines."""
    if not engines:
        return warn("Engine", "none is running: what is sent is stored and waits", START)
    names = ", ".join(f"{engine} since {engine.started_at:%Y-%m-%d %H:%M:%S} UTC" for engine in engines[:5])
    more = f" and {len(engines) - 5} more" if len(engines) > 5 else ""
    return ok("Engine", f"{len(engines)} running: {names}{more}")


def _is_gone(worker: Worker) -> bool:
    if worker.host != socket.gethostname()[:255]:
        return False
    with suppress(PermissionError):  # it is there, and somebody else's
        try:
            os.kill(worker.pid, 0)
        except ProcessLookupError:
            return True
    return False
