"""``manage.py trigger pack-parcel --data '{"order": 1}' --wait 30``: starts a run of a function by name."""

import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

import orjson
from django.core.management.base import CommandError

from orchestrator.api.queries.rows import rows
from orchestrator.api.queries.runs import get_run
from orchestrator.core.durations import parse_duration
from orchestrator.core.ops import Status
from orchestrator.engine.triggering import trigger
from orchestrator.management.engines import note_without_engine
from orchestrator.management.ink import printable, status_word
from orchestrator.management.reading import DATA_HELP, read_json
from orchestrator.management.report import short_type
from orchestrator.management.terminal import TerminalCommand, add_env, env_id
from orchestrator.models import Run

LOOK_SECONDS = 0.1


class Command(TerminalCommand):
    help = "Start a run of a function. Prints its id; with --wait its output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("function", help="its id, such as pack-parcel")
        parser.add_argument("--data", help=f"the payload: {DATA_HELP}")
        parser.add_argument("--idempotency-key", metavar="KEY", help="the same one again answers the first run's id")
        parser.add_argument("--delay", help='start later: "90s", "1h30m", "3 days"')
        parser.add_argument("--wait", metavar="DURATION", help="print the output instead, if it comes in time")
        add_env(parser)

    def handle(self, *, function: str, data: str | None, wait: str | None, **options: Any) -> None:
        env = env_id(options["env"])
        delay = parse_duration(options["delay"]) if options["delay"] else None
        patience = parse_duration(wait) if wait else None
        payload = read_json("--data", data)
        run_id = trigger(function, payload, env=env, idempotency_key=options["idempotency_key"], delay=delay)
        note_without_engine(self)
        if patience is None:
            self.say(run_id)
            return
        self.note(f"run {run_id}")
        self._wait(env, run_id, patience)

    def _wait(self, env: int, run_id: str, patience: timedelta) -> None:
        end = time.monotonic() + patience.total_seconds()
        while not (status := _status(run_id)).final:
            if time.monotonic() >= end:
                raise CommandError(f"run {run_id} is {status_word(status)}: see manage.py runs show {run_id}")
            time.sleep(LOOK_SECONDS)
        run = get_run(env, run_id)
        if status is not Status.COMPLETED:
            reason = f": {short_type(run.error)}: {printable(run.error.message)}" if run.error else ""
            raise CommandError(f"run {run_id} has {_ended(status)}{reason}")
        self.say(orjson.dumps(run.output).decode())


def _status(run_id: str) -> Status:
    return Status(rows(Run).values_list("status", flat=True).get(id=run_id))


def _ended(status: Status) -> str:
    return "failed" if status is Status.FAILED else f"ended as {status_word(status)}"
