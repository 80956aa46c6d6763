"""``manage.py replay ID --from-step charge``: runs it again on the same events; the old run is only read."""

from argparse import ArgumentParser
from typing import Any

from orchestrator.engine.replay import replay_run
from orchestrator.management.engines import note_without_engine
from orchestrator.management.reading import DATA_HELP, read_object
from orchestrator.management.terminal import TerminalCommand, actor


class Command(TerminalCommand):
    help = "Replay a run. Prints the new run's id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", help="of the run")
        parser.add_argument("--from-step", metavar="STEP", help="keep the results of the steps before this one")
        parser.add_argument("--data", help=f"another payload, an object: {DATA_HELP}")

    def handle(self, *, id: str, from_step: str | None, data: str | None, **_: Any) -> None:
        self.say(replay_run(id, from_step=from_step, data=read_object("--data", data), actor=actor()))
        note_without_engine(self)
