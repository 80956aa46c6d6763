"""``manage.py signal ID approval --data '{"by": "Ada"}'``: a message to one run."""

from argparse import ArgumentParser
from typing import Any

from orchestrator.engine.signals import send_signal
from orchestrator.management.engines import note_without_engine
from orchestrator.management.reading import DATA_HELP, read_json
from orchestrator.management.terminal import TerminalCommand, actor


class Command(TerminalCommand):
    help = "Send a signal to a run. One sent before the run waits for it is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", help="of the run")
        parser.add_argument("name", help="of the signal")
        parser.add_argument("--data", help=f"the payload, any JSON value: {DATA_HELP}")
        parser.add_argument("--key", help="the same one again is ignored for 24 hours")

    def handle(self, *, id: str, name: str, data: str | None, key: str | None, **_: Any) -> None:
        send_signal(id, name, read_json("--data", data), key=key, actor=actor())
        self.note("stored")
        note_without_engine(self)
