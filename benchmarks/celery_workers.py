"""W10: the workloads on PostgreSQL with Celery workers, each a process of its own, asked from outside.

``manage.py bench --workers 2`` calls ``python -m benchmarks.celery_workers 2 W1,W2 full FILE`` in an environment whose
database and broker nobody needs.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

from benchmarks.celery_workers_processes import installation
from benchmarks.functions import NAP
from benchmarks.peers.redis_server import find_redis, redis_server
from benchmarks.percentiles import percentiles
from benchmarks.repetition import ROOT, THROWAWAY_SERVER, home
from benchmarks.sizes import SIZES, Sizes

FUNCTIONS = "benchmarks.functions,benchmarks.celery_workers_functions"
LOOK_SECONDS = 0.5  # bells may be lost: then a look counts what they did not tell
Figures = dict[str, float]


def measure_workers(workers: int, workloads: Sequence[str], size: str) -> dict[str, Any]:
    """One repetition, with a PostgreSQL and a Redis of its own. Raises RuntimeError without Redis."""
    program = find_redis()
    if program is None:
        raise RuntimeError("redis-server is not installed: workers have no broker")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=home()) as name:
        folder = Path(name)
        with redis_server(program, folder) as broker:
            env = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "SIGNALBOX_DEBUG"}}
            env |= {"SIGNALBOX_HOME": name, "SIGNALBOX_FUNCTIONS": FUNCTIONS, "SIGNALBOX_EXAMPLES": "0"}
            env |= {"BROKER_URL": broker, "LOG_LEVEL": "INFO"}  # their logs say when they are ready
            arguments = ["-m", __name__, str(workers), ",".join(workloads), size, str(folder / "result.json")]
            subprocess.run([*THROWAWAY_SERVER, sys.executable, *arguments], cwd=ROOT, env=env, check=True)
            answer: dict[str, Any] = json.loads((folder / "result.json").read_text())
            return answer


def main(workers: int, workloads: Sequence[str], sizes: Sizes, result: Path) -> None:
    """Writes ``{"figures": ..., "database": ..., "packages": ...}``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    with installation(result.parent, workers):
        figures = asyncio.run(_run(workloads, sizes))
        facts = import_module("benchmarks.database").database_facts()
    facts["database"]["workers"] = str(workers)
    result.write_text(json.dumps({"figures": figures, **facts}))


async def _run(workloads: Sequence[str], sizes: Sizes) -> Figures:
    # After Django is set up: they read models.
    shared = import_module("benchmarks.workloads")
    client = import_module("benchmarks.celery_workers_client").DistantClient()
    looking = asyncio.create_task(client.look_again(LOOK_SECONDS))
    await shared.warm_up(client, sizes)
    figures: Figures = {}
    for name in workloads:
        workload = WORKLOADS.get(name) or shared.WORKLOADS[name]
        figures |= await workload(client, sizes)
    looking.cancel()
    client.close()
    return figures


async def _w3(client: Any, sizes: Sizes) -> Figures:
    """From sending to the first line, by the clock that all processes of this machine share."""
    latencies = []
    for _ in range(sizes.samples):
        begin = time.time()
        await client.run("told")
        [first_line] = await client.outputs(1)
        latencies.append(first_line - begin)
    return percentiles("w3", latencies, 50, 95, 99)


async def _w4(client: Any, sizes: Sizes) -> Figures:
    for _ in range(sizes.long_runs):
        await client.run("told-long", n=sizes.long_steps)
    return percentiles("w4", _gaps(await client.outputs(sizes.long_runs)), 50, 99)


def _gaps(runs: Iterable[Sequence[float]]) -> list[float]:
    return [after - before for moments in runs for before, after in pairwise(moments)]


async def _w8(client: Any, sizes: Sizes) -> Figures:
    await client.run("told-sleeper", times=sizes.sleepers, runs=sizes.sleepers)
    seconds = NAP.total_seconds()
    lateness = [woke - began.timestamp() - seconds for began, woke in await client.naps(sizes.sleepers)]
    return percentiles("w8", lateness, 50, 99)


WORKLOADS: dict[str, Callable[[Any, Sizes], Awaitable[Figures]]] = {"W3": _w3, "W4": _w4, "W8": _w8}
ALL = ("W1", "W2", "W3", "W4", "W5", "W8")

if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2].split(","), SIZES[sys.argv[3]], Path(sys.argv[4]))
