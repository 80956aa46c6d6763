"""The engines that are alive, by their sessions in the database."""

import os
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime

from orchestrator.conf import settings
from orchestrator.doctor.findings import Finding, ok, warn
from orchestrator.models import Function, Worker

START = "Start one with make dev, or with manage.py engine beside a web server of your own."


def live_engines(now: datetime) -> list[Worker]:
    """Sessions whose lease runs, without processes that only send and those of this machine that are gone."""
    found = Worker.objects.using(settings().database).filter(expires_at__gt=now).order_by("started_at")
    return [worker for worker in found if worker.queues and not _is_gone(worker)]


def examine_engines(now: datetime) -> Iterator[Finding]:
    """Who would execute what is sent now, and which queues nobody looks into."""
    engines = live_engines(now)
    yield judge_engines(engines)
    if engines:
        functions = Function.objects.using(settings().database).filter(removed_at=None)
        yield from judge_queues(engines, [function.config.get("queue", "default") for function in functions])


def judge_engines(engines: Sequence[Worker]) -> Finding:
    """One line for however many engines."""
    if not engines:
        return warn("Engine", "none is running: what is sent is stored and waits", START)
    names = "; ".join(map(_describe, engines[:5]))
    more = f" and {len(engines) - 5} more" if len(engines) > 5 else ""
    return ok("Engine", f"{len(engines)} running: {names}{more}")


def judge_queues(engines: Sequence[Worker], queues: Sequence[str]) -> Iterator[Finding]:
    """``queues``: of each function the one its runs wait in."""
    served = {queue for engine in engines for queue in engine.queues}
    for queue, number in sorted(Counter(queues).items()):
        if queue not in served:
            what = "a function" if number == 1 else f"{number} functions"
            hint = f"Start a worker with -Q {queue}, or add it to ORCHESTRATOR['QUEUES'] of an engine."
            yield warn("Queue", f"nobody works on {queue!r}, in which runs of {what} wait", hint)


def _describe(engine: Worker) -> str:
    version = f", version {engine.version}" if engine.version else ""
    places = f", {engine.concurrency} runs at once" if engine.concurrency else ""
    return f"{engine} since {engine.started_at:%Y-%m-%d %H:%M:%S} UTC on {', '.join(engine.queues)}{places}{version}"


def _is_gone(worker: Worker) -> bool:
    if worker.host != socket.gethostname()[:255]:
        return False
    with suppress(PermissionError):  # it is there, and somebody else's
        try:
            os.kill(worker.pid, 0)
        except ProcessLookupError:
            return True
    return False
