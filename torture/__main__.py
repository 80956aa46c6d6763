"""``python -m torture``: see docs/reliability.md. Exit code 1 when anything differs from what was computed."""

import argparse
import logging
import os
import random
import sys
import tempfile
from pathlib import Path
from time import monotonic

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "torture.settings"
os.environ["SIGNALBOX_EXAMPLES"] = "0"
HOME = Path(tempfile.mkdtemp(prefix="signalbox-torture-"))
os.environ["SIGNALBOX_HOME"] = str(HOME)
django.setup()

from torture.session import Plan, Result, torture  # noqa: E402 - Django first

SHOWN = 60


def main() -> int:
    options = _options()
    logging.basicConfig(level=logging.WARNING)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    plan = Plan(
        seed=seed,
        seconds=options.minutes * 60,
        runs=options.runs or max(10, int(options.minutes * 60)),
        folder=HOME,
        database_url="" if options.postgres else os.environ.get("DATABASE_URL", ""),
        broker_url="" if options.redis else os.environ.get("BROKER_URL", ""),
        postgres=bool(options.postgres),
        redis=bool(options.redis),
        killers=options.killers,
        signals=options.signals,
        faults=tuple(options.faults),
        pauses=(options.pauses[0], options.pauses[1]),
        freeze_seconds=options.freeze_seconds,
        outage_seconds=options.outage_seconds,
        drain_seconds=options.drain_seconds,
    )
    print(f"seed {seed}, {options.minutes:g} minutes, {plan.runs} programs, logs in {plan.folder}", flush=True)
    began = monotonic()
    result = torture(plan)
    _print(result, monotonic() - began)
    return 1 if result.differences else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py torture", description=__doc__)
    parser.add_argument("--seed", type=int, help="default: a random one, which is printed")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long things are broken")
    parser.add_argument("--runs", type=int, default=0, help="programs; default: one a second")
    parser.add_argument(
        "--killers", type=int, default=1, help="of them, programs that end whatever process executes them"
    )
    parser.add_argument("--signals", type=int, default=0, help="least number of signals; default: as they come")
    parser.add_argument("--faults", nargs="+", default=[], metavar="F", help="only these, such as F6 F7; default: all")
    parser.add_argument("--postgres", choices=["throwaway"], help="a PostgreSQL of our own, which is crashed too")
    parser.add_argument(
        "--redis", choices=["throwaway"], help="Celery workers and a Redis of our own, which is broken too"
    )
    parser.add_argument(
        "--pauses", type=float, nargs=2, default=(2.0, 8.0), help="least and most seconds between faults"
    )
    parser.add_argument("--freeze-seconds", type=float, default=8.0, help="of a worker that is stopped and continued")
    parser.add_argument("--outage-seconds", type=float, default=12.0, help="of the database; 0: only restarts")
    parser.add_argument("--drain-seconds", type=float, default=300.0, help="for all runs to end after the last fault")
    return parser.parse_args()


def _print(result: Result, seconds: float) -> None:
    print("\nfaults")
    for name, count in sorted(result.faults.items()):
        print(f"  {count:5}  {name}")
    print("\nprocesses that died by themselves (failpoints, killers)")
    for name, count in sorted(result.restarts.items()):
        print(f"  {count:5}  {name}")
    print("\nanswers to the clients")
    for name, count in sorted(result.answers.items()):
        print(f"  {count:5}  {name}")
    print("\ncounted")
    for name, count in result.counts.items():
        print(f"  {count:5}  {name}")
    print(f"\n{len(result.differences)} differences after {seconds:.0f} s")
    for text in result.differences[:SHOWN]:
        print(f"  {text}")


if __name__ == "__main__":
    sys.exit(main())
