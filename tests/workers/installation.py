"""A whole installation on one machine: daphne, schedulers and Celery workers, each a process that can be killed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError

from tests.eventually import eventually
from tests.live import ROOT, Requests

PROGRAMS = Path(sys.executable).parent


class Process:
    """A process with its log; ``ready`` is what the log says once it works."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], folder: Path, ready: str) -> None:
        self.log = folder / f"{name}.log"
        self._ready = ready
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        eventually(lambda: self._ready in self.output() or self._gone(), within_seconds=60)

    def _gone(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"ended with exit code {self._process.returncode}:\n{self.output()}")
        return False

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(30)

    def kill(self) -> None:
        """kill -9 of it and of its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)


class Installation:
    """Processes that share a database and a broker."""

    def __init__(self, folder: Path, env: Mapping[str, str], *, migrated: bool = True) -> None:
        self._folder = folder
        self.env = {**os.environ, "PYTHONUNBUFFERED": "1", "SIGNALBOX_HOME": str(folder), **env}
        self.processes: dict[str, Process] = {}
        if migrated:
            self.migrate()

    def migrate(self) -> None:
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=self.env, check=True)

    def start(self, name: str, command: list[str], ready: str, **env: str) -> Process:
        process = self.processes[name] = Process(name, command, {**self.env, **env}, self._folder, ready)
        return process

    def engine(self, name: str) -> Process:
        return self.start(name, [sys.executable, "manage.py", "engine"], "The engine is running")

    def scheduler(self, name: str) -> Process:
        return self.start(name, [sys.executable, "manage.py", "scheduler"], "The scheduler is running.")

    def worker(self, name: str, *options: str, **env: str) -> Process:
        app = [str(PROGRAMS / "celery"), "-A", "orchestrator.workers.celery", "worker", "-Q", "default", "-n", name]
        return self.start(name, [*app, *options], " ready.", **env)

    def web(self, port: int) -> Requests:
        command = [str(PROGRAMS / "daphne"), "-p", str(port), "console.asgi:application"]
        self.start("web", command, "")
        site = Requests(f"http://127.0.0.1:{port}")
        eventually(lambda: _answers(site), within_seconds=60)
        return site

    def wait_until_ready(self) -> None:
        for process in self.processes.values():
            process.wait_until_ready()

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            sys.stdout.write(f"\n== {process.log.name}\n{process.output()}")  # pytest shows it when the test failed


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(site: Requests) -> bool:
    try:
        return bool(site.get("/healthz"))
    except URLError:
        return False
