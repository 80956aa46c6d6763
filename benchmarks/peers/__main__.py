"""``python -m benchmarks.peers``: Signalbox and its peers side by side in one sitting, one table, one JSON."""

import json
import os
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import machine_facts
from benchmarks.peers.environment import peers_python
from benchmarks.peers.systems import SYSTEMS, System, Unavailable, measure_system
from benchmarks.render import LATEST, comparison, update_page
from benchmarks.repetition import WORKLOADS, home
from benchmarks.report import medians
from benchmarks.sizes import SIZES


def main() -> int:
    options = _options()
    os.environ.pop("DATABASE_URL", None)  # everybody gets a server of the same kind, new and thrown away
    python, begin = peers_python(), time.monotonic()
    machine = machine_facts(home())
    repetitions: dict[str, list[dict[str, Any]]] = {system.name: [] for system in options.systems}
    missing: dict[str, str] = {}
    for number in range(options.repeat):
        for system in options.systems:
            print(f"{system.title}, repetition {number + 1} of {options.repeat}", file=sys.stderr, flush=True)
            try:
                repetitions[system.name].append(measure_system(system, python, options.only, options.size))
            except Unavailable as error:
                missing[system.name] = str(error)
                print(f"  {error}", file=sys.stderr, flush=True)
            except subprocess.CalledProcessError as error:  # it has said why
                missing[system.name] = f"its program ended with exit code {error.returncode}"
    document = {
        "generated_by": "python -m benchmarks.peers",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_seconds": round(time.monotonic() - begin),
        "machine": machine,
        "size": options.size,
        "sizes": SIZES[options.size].to_json(),
        "repetitions": options.repeat,
        "systems": [_entry(s, repetitions[s.name], missing.get(s.name)) for s in options.systems],
    }
    print(comparison(document))
    _write(options, document)
    return 0


def _entry(system: System, repetitions: list[dict[str, Any]], missing: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": system.name, "title": system.title, "configuration": system.configuration}
    if not repetitions:
        return entry | {"missing": missing}
    figures = [repetition["figures"] for repetition in repetitions]
    facts = {name: repetitions[0][name] for name in ("versions", "durability")}
    return entry | facts | {"medians": medians(figures), "repetitions": figures}


def _write(options: Namespace, document: dict[str, Any]) -> None:
    if options.save:
        LATEST.parent.mkdir(exist_ok=True)
    for file in filter(None, (options.json, LATEST if options.save else None)):
        file.write_text(json.dumps(document, indent=2) + "\n")
    if options.save:
        update_page()


def _options() -> Namespace:
    names = [system.name for system in SYSTEMS]
    parser = ArgumentParser(prog="python -m benchmarks.peers", description="docs/benchmarks.md explains.")
    parser.add_argument("--only", default=",".join(WORKLOADS), help="such as W1,W4")
    parser.add_argument("--systems", default=",".join(names), help=f"of {', '.join(names)}")
    parser.add_argument("--repeat", type=int, default=1, help="repetitions, of which the medians are shown")
    parser.add_argument("--size", choices=SIZES, default="full", help="how much each workload does")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick", help="two minutes, rough")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure to FILE")
    parser.add_argument("--save", action="store_true", help="as the latest results, and into docs/benchmarks.md")
    options = parser.parse_args()
    options.only = options.only.upper().split(",")
    wanted = options.systems.split(",")
    unknown = (set(options.only) - set(WORKLOADS)) | (set(wanted) - set(names))
    if unknown or options.repeat < 1:
        parser.error(f"unknown: {sorted(unknown)}" if unknown else "--repeat takes 1 or more")
    options.systems = [system for system in SYSTEMS if system.name in wanted]
    return options


if __name__ == "__main__":
    sys.exit(main())
