"""``manage.py torture``: random programs on processes that are killed, and their results compared exactly."""

import subprocess
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

ROOT = Path(__file__).resolve().parents[3]


class Command(BaseCommand):
    help = "Run random programs while processes and databases are killed, and compare what came of them exactly."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Hands the options on to a process with settings and a folder of its own."""
        if not (ROOT / "torture").is_dir():
            raise CommandError("the torture comes with Signalbox's source, not with the installed package")
        sys.exit(subprocess.run([sys.executable, "-m", "torture", *argv[2:]], cwd=ROOT).returncode)
