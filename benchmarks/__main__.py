"""``python -m benchmarks``, which ``manage.py bench`` calls: repetitions in processes of their own, then the table."""

import json
import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.celery_workers import ALL, measure_workers
from benchmarks.machine import machine_facts
from benchmarks.repetition import DATABASES, WORKLOADS, home, measure
from benchmarks.report import medians, table
from benchmarks.sizes import SIZES


def main() -> int:
    options = _options()
    results: dict[str, list[dict[str, Any]]] = {database: [] for database in options.databases}
    machine = machine_facts(home())
    for number in range(options.repeat):
        for database in results:
            print(f"{database}, repetition {number + 1} of {options.repeat}", file=sys.stderr, flush=True)
            if options.workers:
                results[database].append(measure_workers(options.workers, options.only, options.size))
            else:
                results[database].append(measure(database, options.only, options.size))
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    if options.size != "full":
        print(f"sizes: {options.size}; only those of a full sitting can be compared with the targets")
    for database, repetitions in results.items():
        print("\n" + table(database, repetitions[0]["database"], [r["figures"] for r in repetitions]))
    if options.json:
        _write(options, machine, results)
    return 0


def _options() -> Namespace:
    parser = ArgumentParser(prog="manage.py bench", description="Measures the engine; docs/benchmarks.md explains.")
    parser.add_argument("--database", choices=DATABASES, help="default: both")
    parser.add_argument("--only", "--workloads", help="such as W1,W4; default: all")
    parser.add_argument("--repeat", type=int, help="repetitions, of which the medians are shown; default 3, quick 1")
    parser.add_argument("--workers", type=int, help="W10: on PostgreSQL, Redis and so many Celery workers")
    parser.add_argument("--size", choices=SIZES, default="full", help="how much each workload does")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick", help="half a minute, rough")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure to FILE")
    options = parser.parse_args()
    known = ALL if options.workers else WORKLOADS
    options.only = options.only.upper().split(",") if options.only else list(known)
    options.databases = ["postgres"] if options.workers else [options.database] if options.database else list(DATABASES)
    options.repeat = options.repeat if options.repeat is not None else (3 if options.size == "full" else 1)
    unknown = set(options.only) - set(known)
    if unknown or options.repeat < 1 or (options.workers is not None and options.workers < 1):
        parser.error(f"unknown workloads {sorted(unknown)}" if unknown else "--repeat and --workers take 1 or more")
    return options


def _write(options: Namespace, machine: dict[str, str], results: dict[str, list[dict[str, Any]]]) -> None:
    databases = {
        database: {
            "facts": repetitions[0]["database"],
            "medians": medians([r["figures"] for r in repetitions]),
            "repetitions": [r["figures"] for r in repetitions],
        }
        for database, repetitions in results.items()
    }
    document = {
        "at": datetime.now(UTC).isoformat(),
        "machine": machine,
        "size": options.size,
        "sizes": SIZES[options.size].to_json(),
        "packages": next(iter(results.values()))[0]["packages"],
        "databases": databases,
    }
    options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
