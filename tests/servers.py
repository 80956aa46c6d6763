"""Programs the tests need from outside: a throwaway PostgreSQL and a Chromium, found or installed.

``python -m tests.servers COMMAND...`` runs a command with DATABASE_URL set to a throwaway PostgreSQL.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.eventually import eventually

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
USERS_FOR_POSTGRES = ("postgres", "nobody")  # PostgreSQL refuses to run as root


def find_chromium() -> str | None:
    """The path of a Chromium, from CHROMIUM or the PATH; None when there is none."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for path in map(shutil.which, CHROMIUM_NAMES) if path), None)


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's programs, the newest of several; None when there is none."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def apt_install(*packages: str) -> bool:
    """Install Debian packages when we are root and apt is there; False when that cannot be or fails."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    return all(subprocess.run(command, **quiet).returncode == 0 for command in (["apt-get", "update"], install))


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
        subprocess.run([programs / "initdb", "-D", self._data, *options], check=True, **self._quiet)
        self.start()
        create = [programs / "createdb", "-h", self._folder, "-U", "signalbox", "signalbox"]
        subprocess.run(create, check=True, **self._quiet)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        options = ("-k", self._folder, "-c", "listen_addresses=", "-c", "max_connections=200")
        options += ("-c", f"fsync={'on' if self._fsync else 'off'}")
        self._server = subprocess.Popen([self._programs / "postgres", "-D", self._data, *options], **self._quiet)
        ready = [self._programs / "pg_isready", "-q", "-h", self._folder]
        eventually(lambda: subprocess.run(ready, **self._quiet).returncode == 0, within_seconds=30)

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

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def find_redis() -> str | None:
    """The path of a Redis server; None when there is none."""
    return shutil.which("redis-server")


class Redis:
    """A Redis of its own on a unix socket; ``url`` is what Celery takes as its broker."""

    def __init__(self, folder: Path) -> None:
        program = find_redis()
        assert program, "Redis is not installed"
        self._socket = folder / "redis.sock"
        self.url = f"redis+socket://{self._socket}"
        options = ["--port", "0", "--unixsocket", str(self._socket), "--save", "", "--dir", str(folder)]
        self._server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        eventually(self._socket.exists)

    def stop(self) -> None:
        self._server.kill()
        self._server.wait(10)


@contextmanager
def postgres(programs: Path, *, fsync: bool = True) -> Iterator[PostgresCluster]:
    """A new cluster for as long as it is needed."""
    cluster = PostgresCluster(programs, fsync=fsync)
    try:
        yield cluster
    finally:
        cluster.remove()


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in USERS_FOR_POSTGRES if name in known)


def main() -> int:
    programs = find_postgres()
    if programs is None:
        sys.exit("PostgreSQL's initdb is not installed")
    with postgres(programs) as cluster:
        return subprocess.run(sys.argv[1:], env=os.environ | {"DATABASE_URL": cluster.url}).returncode


if __name__ == "__main__":
    sys.exit(main())
