"""``manage.py pause function NAME --note "deploy at noon"``: holds back a function, a queue or an environment."""

from argparse import ArgumentParser
from typing import Any

from orchestrator.engine.pauses import pause
from orchestrator.management.pausing import add_target, target
from orchestrator.management.terminal import TerminalCommand, actor


class Command(TerminalCommand):
    help = "Pause a function, a queue or an environment: its runs stay queued, nothing is lost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_target(parser)

    def handle(self, *, kind: str, name: str, note: str, env: str, **_: Any) -> None:
        meant, of_name, where = target(kind, name, env)
        pause(meant, of_name, **where, note=note, actor=actor())
        self.note(f"paused {kind} {name}: what runs goes on to its next rest, what comes is queued")
