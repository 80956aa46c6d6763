"""The processes of an installation, which are killed, frozen, ended and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent
START_SECONDS = 120.0
DRAIN_SECONDS = 40.0


class Process:
    """Started by ``start``, as often as you like; its log goes on."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.stuck = 0  # how often it did not end by SIGTERM
        self._command = command
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, **env: str) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env={**self._env, **env}, stdout=log, stderr=log, start_new_session=True
            )

    def signal(self, number: int) -> None:
        """To it and to its children."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """kill -9: no drain, no goodbye."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(30)

    def drain(self) -> None:
        """SIGTERM; it may take its time, but not for ever."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            self.stuck += 1
        self.kill()


class Installation:
    """On SQLite one process that is everything; on PostgreSQL a web process, two schedulers, two workers."""

    def __init__(self, folder: Path, env: Mapping[str, str], port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._env = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "SIGNALBOX_HOME": str(folder),
            "DJANGO_SETTINGS_MODULE": "torture.settings",
            **env,
        }
        self.processes: dict[str, Process] = {}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=self._env, check=True)
        manage = [sys.executable, "manage.py"]
        if "DATABASE_URL" not in self._env:
            self._add("dev", [*manage, "dev", "--no-reload", "--port", str(port)])
            return
        self._add("web", [str(PROGRAMS / "daphne"), "-p", str(port), "console.asgi:application"])
        for n in (1, 2):
            self._add(f"scheduler-{n}", [*manage, "scheduler"])
            self._add(f"worker-{n}", self._celery(n) if self._env.get("BROKER_URL") else [*manage, "engine"])

    def _celery(self, n: int) -> list[str]:
        app = [str(PROGRAMS / "celery"), "-A", "orchestrator.workers.celery", "worker"]
        return [*app, "-Q", "default", "-n", f"torture-{n}@%h"]

    def _add(self, name: str, command: list[str]) -> None:
        self.processes[name] = Process(name, command, self._env, self.folder)

    @property
    def workers(self) -> list[Process]:
        """Those that execute runs."""
        return [process for name, process in self.processes.items() if name.startswith(("worker", "dev"))]

    @property
    def schedulers(self) -> list[Process]:
        return [process for name, process in self.processes.items() if name.startswith("scheduler")]

    @property
    def web(self) -> Process:
        return self.processes.get("web") or self.processes["dev"]

    def start_what_is_dead(self) -> list[str]:
        """What a supervisor does; the names of those that were."""
        dead = [process for process in self.processes.values() if not process.alive]
        for process in dead:
            process.start()
        return [process.name for process in dead]

    def end(self) -> None:
        for process in self.processes.values():
            process.signal(signal.SIGCONT)
            process.kill()
