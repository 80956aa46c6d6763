"""``manage.py bench``: how fast the engine is on this machine."""

import subprocess
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

ROOT = Path(__file__).resolve().parents[3]


class Command(BaseCommand):
    help = "Measure throughput, latency and memory on SQLite and PostgreSQL, in temporary databases."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Hands the options on to processes that have settings and databases of their own."""
        if not (ROOT / "benchmarks").is_dir():
            raise CommandError("the benchmarks come with Signalbox's source, not with the installed package")
        sys.exit(subprocess.run([sys.executable, "-m", "benchmarks", *argv[2:]], cwd=ROOT).returncode)
