"""A real ``manage.py dev`` in a process of its own, as a user would run it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.eventually import eventually

ROOT = Path(__file__).resolve().parent.parent


class Requests:
    """Requests to a site, as curl would make them."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, name: str, data: object = None, **fields: Any) -> list[str]:
        """Send an event as curl would; the ids that were answered."""
        answer = self.post("/e/dev", {"name": name, "data": {} if data is None else data, **fields})
        return answer["ids"]

    def post(self, path: str, body: object) -> Any:
        """The decoded answer to a JSON POST. Raises HTTPError on 4xx and 5xx."""
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(self.url + path, json.dumps(body).encode(), headers), timeout=60) as response:
            return json.load(response)

    def get(self, path: str) -> Any:
        """The decoded JSON at ``path``. Raises HTTPError on 4xx and 5xx."""
        with urlopen(self.url + path, timeout=60) as response:
            return json.load(response)


class LiveServer(Requests):
    """Starts at once; ``url`` is its address. Stop and start it at will: data stay in ``home``."""

    def __init__(self, home: Path, *, supervised: bool = False, env: Mapping[str, str] | None = None) -> None:
        super().__init__("")
        self.home = home
        self.log = home / "server.log"
        self._options = [] if supervised else ["--no-reload"]
        self._env = os.environ | {"SIGNALBOX_HOME": str(home), "PYTHONUNBUFFERED": "1"} | dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)
        self.start()

    @property
    def pid(self) -> int:
        """The process that ``manage.py dev`` became: the server itself unless supervised."""
        assert self._process, "the server was not started"
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def engine_pid(self) -> int:
        """The process with the engine in it: the supervisor's child, or the server itself."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(children[0]) if children else self.pid

    def start(self, *, within_seconds: float = 90) -> None:
        """Start on a free port, or on the same one again, and wait until it answers."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        self.launch()
        eventually(lambda: self._answers(begin), within_seconds=within_seconds)

    def launch(self, **env: str) -> None:
        """Start as ``start`` does, with more in the environment, and go on at once."""
        port = self.url.rpartition(":")[2] or "0"
        command = [sys.executable, "manage.py", "dev", "--port", port, *self._options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._env | env, stdout=log, stderr=log)

    def wait(self, *, within_seconds: float = 60) -> int:
        """The exit code of a process that ends by itself, negative for a signal."""
        assert self._process, "the server was not started"
        process, self._process = self._process, None
        return process.wait(within_seconds)

    def stop(self, number: int = signal.SIGTERM, *, within_seconds: float = 30) -> int:
        """Send a signal, wait for the end; the exit code, negative for a signal."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(number)
        try:
            return process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"not ended {within_seconds} s after signal {number}\n{self.output()}") from None

    def kill(self) -> None:
        """kill -9: no drain, no goodbye. Of a supervised server the supervisor is killed."""
        self.stop(signal.SIGKILL)

    def end(self) -> None:
        """kill -9 of all there is."""
        if self._process is not None:
            engine = self.engine_pid
            self.kill()
            with suppress(ProcessLookupError):
                os.kill(engine, signal.SIGKILL)

    def output(self) -> str:
        """All that the server has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _answers(self, begin: int) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended with exit code {self._process.returncode}\n{self.output()}")
        printed = self.log.read_bytes()[begin:].decode(errors="replace")
        address = next((word for word in printed.split() if word.startswith("http://127.0.0.1:")), None)
        if address is None:
            return False
        self.url = address
        try:
            return bool(self.get("/healthz"))
        except URLError:
            return False
