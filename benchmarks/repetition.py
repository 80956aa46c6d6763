"""One repetition of some workloads of Signalbox, on empty databases that are dropped afterwards."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

ROOT = Path(__file__).resolve().parent.parent
# What measures which workloads, with which functions: the engine's own process, or one that looks from outside.
MEASURES = (
    ("benchmarks.measure", "benchmarks.functions", ("W1", "W2", "W3", "W4", "W5", "W8")),
    ("benchmarks.measure", "benchmarks.flow_functions", ("FLOW",)),
    ("benchmarks.serving", "benchmarks.functions", ("W6", "W7")),
    ("benchmarks.matching", "benchmarks.functions", ("MATCH",)),
)
WORKLOADS = tuple(sorted(workload for _, _, measured in MEASURES for workload in measured))
DATABASES = ("sqlite", "postgres")
THROWAWAY_SERVER = (sys.executable, "-m", "tests.servers")  # starts a PostgreSQL of its own around a command


def measure(database: str, workloads: Sequence[str], size: str) -> dict[str, Any]:
    """``{"figures": ..., "database": ..., "packages": ...}`` of one repetition."""
    answer: dict[str, Any] = {"figures": {}}
    for program, functions, measured in MEASURES:
        wanted = [workload for workload in workloads if workload in measured]
        if wanted:
            part = _measure(database, program, functions, wanted, size)
            answer |= part | {"figures": answer["figures"] | part["figures"]}
    return answer


def home() -> Path:
    """Where the user's own database would lie: the same disk."""
    folder = Path(os.environ.get("SIGNALBOX_HOME") or ROOT / ".signalbox")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _measure(database: str, program: str, functions: str, workloads: Sequence[str], size: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=home()) as folder, _database(database) as (command, url):
        result = Path(folder) / "result.json"
        env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "SIGNALBOX_DEBUG"}}
        env |= {"SIGNALBOX_HOME": folder, "SIGNALBOX_FUNCTIONS": functions, "SIGNALBOX_EXAMPLES": "0"}
        env |= {"DATABASE_URL": url} if url else {}
        arguments = [sys.executable, "-m", program, ",".join(workloads), size, str(result)]
        subprocess.run([*command, *arguments], cwd=ROOT, env=env, check=True)
        answer: dict[str, Any] = json.loads(result.read_text())
        return answer


@contextmanager
def _database(database: str) -> Iterator[tuple[Sequence[str], str | None]]:
    """What to put before the command, and its DATABASE_URL."""
    given = os.environ.get("DATABASE_URL", "")
    if database == "sqlite":
        yield (), None
    elif not given.startswith("postgres"):
        yield THROWAWAY_SERVER, None
    else:
        server, _, _name = given.rpartition("/")
        name = f"signalbox_bench_{uuid4().hex}"
        with psycopg.connect(given, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
            try:
                yield (), f"{server}/{name}"
            finally:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
