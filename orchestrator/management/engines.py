"""Telling who sends work that nobody is there to do it."""

from datetime import UTC, datetime

from orchestrator.doctor.sessions import START, live_engines
from orchestrator.management.terminal import TerminalCommand


def note_without_engine(command: TerminalCommand) -> None:
    """A hint where no engine is alive: the work is stored and waits."""
    if not live_engines(datetime.now(UTC)):
        command.note(f"no engine is running: this is stored and waits. {START}")
