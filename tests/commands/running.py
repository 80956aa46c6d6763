"""Commands as a user runs them: in a process of their own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.live import ROOT


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs ``manage.py`` on the data of ``home``; ``env`` is what a user has set."""

    home: Path
    env: dict[str, str]

    def __call__(self, *words: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        chosen = os.environ | {"SIGNALBOX_HOME": str(self.home), "LOG_LEVEL": "CRITICAL"} | self.env | env
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=ROOT, env=chosen, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    def answer(self, *words: str, stdin: str = "", **env: str) -> str:
        """What it printed, without the last line break; it must have ended well."""
        done = self(*words, stdin=stdin, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")
