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


@contextmanager
def postgres(programs: Path) -> Iterator[str]:
    """A new PostgreSQL cluster on a unix socket in a temporary folder, fsync on; the value is its DATABASE_URL."""
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="signalbox-pg-"))
    if user:
        shutil.chown(folder, user)
    identity = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": folder, **identity}
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "signalbox", "-A", "trust", "-E", "UTF8", "--locale=C"],
        check=True,
        **quiet,
    )
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "max_connections=200"],
        **quiet,
    )
    try:
        create = [programs / "createdb", "-h", folder, "-U", "signalbox", "signalbox"]
        eventually(
            lambda: subprocess.run(create, **quiet).returncode == 0,
            within_seconds=30,
            every_seconds=0.1,
        )
        yield f"postgres://signalbox@{quote(str(folder), safe='')}/signalbox"
    finally:
        server.terminate()
        try:
            server.wait(3)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)  # open connections do not keep it
            server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in USERS_FOR_POSTGRES if name in known)


def main() -> int:
    programs = find_postgres()
    if programs is None:
        sys.exit("PostgreSQL's initdb is not installed")
    with postgres(programs) as url:
        return subprocess.run(sys.argv[1:], env=os.environ | {"DATABASE_URL": url}).returncode


if __name__ == "__main__":
    sys.exit(main())
