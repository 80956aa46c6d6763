"""``manage.py cancel ID --reason "wrong order"``: asks a run to end, or ends it."""

from argparse import ArgumentParser
from typing import Any

from orchestrator.engine.cancel import cancel_run, terminate_run
from orchestrator.management.engines import note_without_engine
from orchestrator.management.terminal import TerminalCommand, actor


class Command(TerminalCommand):
    help = "Cancel a run: its code may clean up, its children are cancelled too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", help="of the run")
        parser.add_argument("--reason", default="", help="for its history and the record of who did what")
        parser.add_argument("--terminate", action="store_true", help="end it at once, without asking its code")

    def handle(self, *, id: str, reason: str, terminate: bool, **_: Any) -> None:
        if terminate:
            terminate_run(id, actor=actor(), reason=reason)
            self.note("terminated")
        else:
            cancel_run(id, actor=actor(), reason=reason)
            self.note("asked to end")
            note_without_engine(self)
