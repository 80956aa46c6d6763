"""The systems of the comparison, and how one repetition of each is measured."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.celery_workers import ALL as WORKERS_DO
from benchmarks.celery_workers import measure_workers
from benchmarks.peers.environment import can_import
from benchmarks.peers.redis_server import find_redis, redis_server
from benchmarks.repetition import ROOT, THROWAWAY_SERVER, home, measure

PROGRAMS = "benchmarks.peers.programs"
WORKERS = 2


class Unavailable(Exception):
    """A system that this machine cannot run; the message says why."""


@dataclass(frozen=True, slots=True)
class System:
    """``database`` is sqlite, postgres, redis or workers; without a ``program`` it is Signalbox itself."""

    name: str
    title: str
    database: str
    configuration: str
    program: str | None = None
    module: str = ""


SYSTEMS = (
    System("signalbox-sqlite", "Signalbox, SQLite", "sqlite", "as `make dev` runs it"),
    System("signalbox-postgres", "Signalbox, PostgreSQL", "postgres", "as `make dev` runs it"),
    System(
        "signalbox-workers",
        "Signalbox, 2 Celery workers",
        "workers",
        "PostgreSQL, Redis as the broker, a scheduler and two Celery workers; the client is a process of its own (W10)",
    ),
    System(
        "dbos-sqlite",
        "DBOS, SQLite",
        "sqlite",
        "async workflows started directly, not through a queue; SQLite as DBOS opens it",
        "dbos_workflows",
        "dbos",
    ),
    System(
        "dbos-postgres",
        "DBOS, PostgreSQL",
        "postgres",
        "async workflows started directly, not through a queue",
        "dbos_workflows",
        "dbos",
    ),
    System(
        "absurd-postgres",
        "Absurd, PostgreSQL",
        "postgres",
        "8 async workers of 16 tasks at once, each polls every 20 ms (default 250)",
        "absurd_tasks",
        "absurd_sdk, absurdctl",
    ),
    System(
        "procrastinate-postgres",
        "Procrastinate, PostgreSQL",
        "postgres",
        "async worker, 100 jobs at once, LISTEN/NOTIFY, polls every 50 ms (default 5 s); no steps",
        "procrastinate_jobs",
        "procrastinate",
    ),
    System(
        "celery-redis",
        "Celery, Redis",
        "redis",
        "prefork, a process a core, late acknowledgement, prefetch 64; results in Redis; no durable steps",
        "celery_tasks",
        "celery",
    ),
)


def measure_system(system: System, python: Path, workloads: Sequence[str], size: str) -> dict[str, Any]:
    """``{"figures", "versions", "durability"}``. Raises Unavailable."""
    if system.program is not None:
        return _measure_peer(system, python, workloads, size)
    if system.database == "workers":
        if find_redis() is None:
            raise Unavailable("redis-server is not installed")
        answer = measure_workers(WORKERS, [name for name in workloads if name in WORKERS_DO], size)
    else:
        answer = measure(system.database, workloads, size)
    facts = dict(answer["database"])
    facts.pop("path", None)
    durability = {"database": facts.pop("version").partition(" (")[0]} | facts
    return {"figures": answer["figures"], "versions": _signalbox() | answer["packages"], "durability": durability}


def _measure_peer(system: System, python: Path, workloads: Sequence[str], size: str) -> dict[str, Any]:
    if not can_import(python, system.module):
        raise Unavailable(f"{system.module} could not be installed")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=home())))
        env = os.environ | {"BENCH_FOLDER": str(folder)}
        if system.database == "redis":
            program = find_redis()
            if program is None:
                raise Unavailable("redis-server is not installed")
            env["REDIS_URL"] = stack.enter_context(redis_server(program, folder))
        prefix = THROWAWAY_SERVER if system.database == "postgres" else ()
        result = folder / "result.json"
        arguments = ["-m", f"{PROGRAMS}.{system.program}", ",".join(workloads), size, str(result)]
        subprocess.run([*prefix, str(python), *arguments], cwd=ROOT, env=env, check=True)
        answer: dict[str, Any] = json.loads(result.read_text())
        return answer


def _signalbox() -> dict[str, str]:
    described = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return {"signalbox": described.stdout.strip() or "unknown"}
