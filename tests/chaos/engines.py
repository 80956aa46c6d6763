"""Engines with nothing in front of them, in processes that are stopped, continued and killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.eventually import eventually
from tests.live import ROOT


class EngineProcess:
    """One engine on a database that is there already; works as soon as it is made."""

    def __init__(self, log: Path, env: Mapping[str, str]) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.engine_process"],
                cwd=ROOT,
                env=os.environ | env,
                stdout=output,
                stderr=output,
            )
        eventually(lambda: "engine is running" in self.log.read_text(), within_seconds=90)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """SIGTERM: it drains; SIGKILL if it was dead already or does not end."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        finally:
            self._process.kill()
            self._process.wait()
