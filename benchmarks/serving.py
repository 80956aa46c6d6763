"""W6 and W7, from outside a real server: ``python -m benchmarks.serving W6,W7 full FILE``.

The database of the environment is filled: it must be one that nobody needs. ``manage.py bench`` makes one.
"""

import asyncio
import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import django
import orjson

from benchmarks.http_load import load
from benchmarks.memory import parent_of, tree_mb
from benchmarks.server import dev_server
from benchmarks.sizes import SIZES, Sizes

RUNS_AT_ONCE = 500
RUNS_LIMIT_SECONDS = 120.0
SETTLE_SECONDS = 1.0  # what a process does right after its start is over
POLL_SECONDS = 0.02


def main(workloads: list[str], sizes: Sizes, result: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    django.setup()
    figures: dict[str, float] = {}
    for name in workloads:
        with dev_server() as (url, pid):  # each on one that has done nothing yet
            figures |= WORKLOADS[name](url, pid, sizes)
    facts = import_module("benchmarks.database").database_facts()
    result.write_text(json.dumps({"figures": figures, **facts}))


def w6(url: str, _pid: int, sizes: Sizes) -> dict[str, float]:
    """Events accepted durably over HTTP. Nobody listens for them, so that what is left is the door."""
    _send(url, "bench/stored", events=sizes.batch_events, requests=sizes.connections, sizes=sizes)  # warm
    singles = _send(url, "bench/stored", events=1, requests=sizes.requests, sizes=sizes)
    batches = _send(url, "bench/stored", events=sizes.batch_events, requests=sizes.batch_requests, sizes=sizes)
    accepted = sizes.requests + (sizes.connections + sizes.batch_requests) * sizes.batch_events
    stored = _count("Event", name="bench/stored")
    if stored != accepted:
        raise RuntimeError(f"{accepted} events were accepted and {stored} are stored")
    return {"w6_requests_per_s": singles, "w6_events_per_s": batches * sizes.batch_events}


def w7(url: str, pid: int, sizes: Sizes) -> dict[str, float]:
    """Memory of the server, and of PostgreSQL where it is this machine's, idle and after many runs."""
    database = _database_pid()
    time.sleep(SETTLE_SECONDS)
    idle = _memory(pid, database, "idle")
    sent, begin = 0, time.monotonic()
    while sent < sizes.memory_runs:
        count = min(RUNS_AT_ONCE, sizes.memory_runs - sent)
        per_request = min(count, sizes.batch_events)
        _send(url, "bench/one-step", events=per_request, requests=count // per_request, sizes=sizes)
        sent += count // per_request * per_request
        while _count("Run", status="completed") < sent:
            if time.monotonic() - begin > RUNS_LIMIT_SECONDS:
                raise RuntimeError(f"{sent} runs did not end in {RUNS_LIMIT_SECONDS:.0f} seconds")
            time.sleep(POLL_SECONDS)
    time.sleep(SETTLE_SECONDS)
    return {"w7_runs": sent} | idle | _memory(pid, database, "after")


WORKLOADS = {"W6": w6, "W7": w7}


def _send(url: str, name: str, *, events: int, requests: int, sizes: Sizes) -> float:
    event = {"name": name, "data": {"n": 1}}
    body = orjson.dumps(event if events == 1 else [event] * events)
    return asyncio.run(load(f"{url}/e/bench", body, connections=sizes.connections, requests=requests))


def _memory(pid: int, database: int | None, when: str) -> dict[str, float]:
    figures = {f"w7_{when}_mb": tree_mb(pid)}
    if database is not None:
        figures[f"w7_database_{when}_mb"] = tree_mb(database)
    return figures


def _count(model: str, **conditions: Any) -> int:
    rows: int = getattr(import_module("orchestrator.models"), model).objects.filter(**conditions).count()
    return rows


def _database_pid() -> int | None:
    """PostgreSQL's first process; None for SQLite, on another machine, and when we may not look."""
    connection = import_module("django.db").connection
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), inet_server_addr() IS NULL")
        backend, is_local = cursor.fetchone()
    parent = parent_of(backend) if is_local else None
    readable = parent is not None and os.access(f"/proc/{parent}/smaps_rollup", os.R_OK)
    return parent if readable else None


if __name__ == "__main__":
    main(sys.argv[1].split(","), SIZES[sys.argv[2]], Path(sys.argv[3]))
