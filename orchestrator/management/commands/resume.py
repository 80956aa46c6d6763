"""``manage.py resume function NAME``: lets go on what ``manage.py pause`` held back."""

from argparse import ArgumentParser
from typing import Any

from orchestrator.engine.pauses import resume
from orchestrator.management.pausing import add_target, target
from orchestrator.management.terminal import TerminalCommand, actor


class Command(TerminalCommand):
    help = "Resume a function, a queue or an environment that was paused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_target(parser)

    def handle(self, *, kind: str, name: str, note: str, env: str, **_: Any) -> None:
        meant, of_name, where = target(kind, name, env)
        resume(meant, of_name, **where, note=note, actor=actor())
        self.note(f"resumed {kind} {name}: what waited goes on, in its order")
