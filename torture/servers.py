"""A PostgreSQL and a Redis of our own, which may be crashed, stopped and flushed."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from torture.waiting import until

USERS_FOR_POSTGRES = ("postgres", "nobody")  # PostgreSQL refuses to run as root
READY_SECONDS = 60.0


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's programs, the newest of several; None when there is none."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def find_redis() -> str | None:
    """The path of a Redis server; None when there is none."""
    return shutil.which("redis-server")


class PostgresCluster:
    """A PostgreSQL of its own on a unix socket in a temporary folder; ``url`` is its DATABASE_URL.

    Without ``fsync`` it survives everything but a power cut, and empties tables between tests much faster.
    """

    def __init__(self, programs: Path, *, fsync: bool = True) -> None:
        self._fsync = fsync
        user = _unprivileged_user()
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="signalbox-pg-"))
        if user:
            shutil.chown(self._folder, user)
        identity = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        self._quiet: dict[str, Any] = {
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.STDOUT,
            "cwd": self._folder,
            **identity,
        }
        self.url = f"postgres://signalbox@{quote(str(self._folder), safe='')}/signalbox"
        options = ("-U", "signalbox", "-A", "trust", "-E", "UTF8", "--locale=C")
        self._run("initdb", "-D", str(self._data), *options)
        self.start()
        self._run("createdb", "-h", str(self._folder), "-U", "signalbox", "signalbox")

    def _run(self, program: str, *options: str) -> None:
        subprocess.run([str(self._programs / program), *options], check=True, **self._quiet)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        """Raises RuntimeError when it does not become ready."""
        options = ["-k", str(self._folder), "-c", "listen_addresses=", "-c", "max_connections=200"]
        options += ["-c", f"fsync={'on' if self._fsync else 'off'}"]
        command = [str(self._programs / "postgres"), "-D", str(self._data), *options]
        self._server = subprocess.Popen(command, **self._quiet)
        ready = [str(self._programs / "pg_isready"), "-q", "-h", str(self._folder)]
        if not until(lambda: subprocess.run(ready, **self._quiet).returncode == 0, within_seconds=READY_SECONDS):
            raise RuntimeError("PostgreSQL does not become ready")

    def stop(self) -> None:
        self._server.terminate()
        try:
            self._server.wait(3)
        except subprocess.TimeoutExpired:
            self.crash()  # open connections do not keep it

    def crash(self) -> None:
        """What ``pg_ctl stop -m immediate`` does: no checkpoint, every connection is cut."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(10)

    def processes(self) -> list[int]:
        """The server and those that it has started."""
        pid = self._server.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


class RedisServer:
    """A Redis of its own on a port, without any file; ``url`` is what Celery takes as its broker."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._server = subprocess.Popen([self._program, *options], stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
        if not until(lambda: self.say("PING"), within_seconds=READY_SECONDS):
            raise RuntimeError("Redis does not become ready")

    def say(self, command: str) -> bytes:
        """The answer to one command without spaces in its arguments; empty when Redis is away."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=2) as connection:
                connection.sendall(f"{command}\r\n".encode())
                return connection.recv(65_536)
        except OSError:
            return b""

    def stop(self) -> None:
        """Nothing is kept."""
        self._server.kill()
        self._server.wait(10)


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in USERS_FOR_POSTGRES if name in known)
