"""Programs the tests need from outside: a throwaway PostgreSQL and a Chromium, found or installed.

``python -m tests.servers COMMAND...`` runs a command with DATABASE_URL set to a throwaway PostgreSQL.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.eventually import eventually
from torture.servers import PostgresCluster, find_postgres, find_redis

__all__ = ["PostgresCluster", "Redis", "apt_install", "find_chromium", "find_postgres", "find_redis", "postgres"]

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find_chromium() -> str | None:
    """The path of a Chromium, from CHROMIUM or the PATH; None when there is none."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for path in map(shutil.which, CHROMIUM_NAMES) if path), None)


def apt_install(*packages: str) -> bool:
    """Install Debian packages when we are root and apt is there; False when that cannot be or fails."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    return all(subprocess.run(command, **quiet).returncode == 0 for command in (["apt-get", "update"], install))


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
        self._server.wait(30)


@contextmanager
def postgres(programs: Path, *, fsync: bool = True) -> Iterator[PostgresCluster]:
    """A new cluster for as long as it is needed."""
    cluster = PostgresCluster(programs, fsync=fsync)
    try:
        yield cluster
    finally:
        cluster.remove()


def main() -> int:
    programs = find_postgres()
    if programs is None:
        sys.exit("PostgreSQL's initdb is not installed")
    with postgres(programs) as cluster:
        return subprocess.run(sys.argv[1:], env=os.environ | {"DATABASE_URL": cluster.url}).returncode


if __name__ == "__main__":
    sys.exit(main())
