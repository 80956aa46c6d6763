"""``python -m benchmarks``, which ``manage.py bench`` calls: repetitions in processes of their own, then the table."""

import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from benchmarks.machine import machine_facts
from benchmarks.report import medians, table

ROOT = Path(__file__).resolve().parent.parent
WORKLOADS = ("W1", "W2", "W3", "W4", "W5")
DATABASES = ("sqlite", "postgres")
THROWAWAY_SERVER = ("-m", "tests.servers")  # starts a PostgreSQL of its own around a command


def main() -> int:
    options = _options()
    results: dict[str, list[dict[str, Any]]] = {database: [] for database in options.databases}
    machine = machine_facts(_home())
    for number in range(options.repeat):
        for database in results:
            print(f"{database}, repetition {number + 1} of {options.repeat}", file=sys.stderr, flush=True)
            results[database].append(_measure(database, options.workloads))
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    for database, repetitions in results.items():
        print("\n" + table(database, repetitions[0]["database"], [r["figures"] for r in repetitions]))
    if options.json:
        _write(options.json, machine, results)
    return 0


def _options() -> Namespace:
    parser = ArgumentParser(prog="manage.py bench", description="Measures the engine; benchmarks/README.md explains.")
    parser.add_argument("--database", choices=DATABASES, help="default: both")
    parser.add_argument("--workloads", default=",".join(WORKLOADS), help="such as W1,W4")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions, of which the medians are shown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure to FILE")
    options = parser.parse_args()
    options.workloads = options.workloads.upper().split(",")
    options.databases = [options.database] if options.database else list(DATABASES)
    unknown = set(options.workloads) - set(WORKLOADS)
    if unknown or options.repeat < 1:
        parser.error(f"unknown workloads {sorted(unknown)}" if unknown else "--repeat takes 1 or more")
    return options


def _home() -> Path:
    """Where the user's own database would lie: the same disk."""
    home = Path(os.environ.get("SIGNALBOX_HOME") or ROOT / ".signalbox")
    home.mkdir(parents=True, exist_ok=True)
    return home


def _measure(database: str, workloads: list[str]) -> dict[str, Any]:
    """One repetition on an empty database that is dropped afterwards; its figures and facts."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_home()) as folder, _database(database) as (command, url):
        result = Path(folder) / "result.json"
        env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "SIGNALBOX_DEBUG"}}
        env |= {"SIGNALBOX_HOME": folder, "SIGNALBOX_FUNCTIONS": "benchmarks.functions", "SIGNALBOX_EXAMPLES": "0"}
        env |= {"DATABASE_URL": url} if url else {}
        measure = [sys.executable, "-m", "benchmarks.measure", ",".join(workloads), str(result)]
        subprocess.run([*command, *measure], cwd=ROOT, env=env, check=True)
        answer: dict[str, Any] = json.loads(result.read_text())
        return answer


@contextmanager
def _database(database: str) -> Iterator[tuple[list[str], str | None]]:
    """What to put before the command, and its DATABASE_URL."""
    given = os.environ.get("DATABASE_URL", "")
    if database == "sqlite":
        yield [], None
    elif not given.startswith("postgres"):
        yield [sys.executable, *THROWAWAY_SERVER], None
    else:
        server, _, _name = given.rpartition("/")
        name = f"signalbox_bench_{uuid4().hex}"
        with psycopg.connect(given, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
            try:
                yield [], f"{server}/{name}"
            finally:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _write(file: Path, machine: dict[str, str], results: dict[str, list[dict[str, Any]]]) -> None:
    databases = {
        database: {
            "facts": repetitions[0]["database"],
            "medians": medians([r["figures"] for r in repetitions]),
            "repetitions": [r["figures"] for r in repetitions],
        }
        for database, repetitions in results.items()
    }
    packages = next(iter(results.values()))[0]["packages"]
    document = {"at": datetime.now(UTC).isoformat(), "machine": machine, "packages": packages, "databases": databases}
    file.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
