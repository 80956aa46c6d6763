"""Production's processes on this machine, to try them: ``make prod-like``.

Two web servers, two schedulers and two Celery workers on PostgreSQL and Redis: those that DATABASE_URL and BROKER_URL
name, else throwaway ones, which are gone with their data at the end. Ctrl-C drains all.
"""

import argparse
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from urllib.error import URLError
from urllib.request import urlopen

from tests.eventually import eventually
from tests.servers import Redis, find_postgres, find_redis, postgres

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent
MANAGE = (sys.executable, "manage.py")
COLOURS = (36, 32, 33, 35, 34, 31)
ENDING = (signal.SIGINT, signal.SIGTERM)
START_SECONDS = 120
DRAIN_SECONDS = 30  # a worker takes ten, the rest of its end a few more
# Both take everybody's work, so that one may die; the second one also what needs a large machine.
QUEUE_SETS = ("default", "default,large-1x,large-2x")

NO_POSTGRES = """PostgreSQL was not found. Install it (Debian, Ubuntu: apt install postgresql; macOS: brew install
postgresql), or name a database: make prod-like DATABASE_URL=postgres://user:password@host/name"""
NO_REDIS = """Redis was not found. Install it (Debian, Ubuntu: apt install redis-server; macOS: brew install redis), or
name a broker: make prod-like BROKER_URL=redis://host:6379/0"""
READY = """
  Signalbox runs as in production.

    Console   {first} and {second}
    Sign in   {account}

    Send an event:
      curl -d '{{"name": "census/by-runs", "data": {{"files": 20}}}}' {first}/e/{event}
    Look at runs:
      curl -H 'Authorization: Bearer {api}' {second}/api/v1/runs

  Ctrl-C drains and stops.
"""


class Process:
    """A process of its own group, so that Ctrl-C reaches this program only; its lines get its name in front."""

    def __init__(self, name: str, command: Sequence[str], env: dict[str, str], colour: int) -> None:
        self.name = name
        self._prefix = f"\x1b[{colour}m{name:<12}\x1b[0m " if sys.stdout.isatty() else f"{name:<12} "
        self.child = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        self._reader = threading.Thread(target=self._copy, daemon=True)
        self._reader.start()

    @property
    def ended(self) -> bool:
        return self.child.poll() is not None

    def _copy(self) -> None:
        assert self.child.stdout
        for line in self.child.stdout:
            say(self._prefix + line.decode(errors="replace").rstrip("\n"))

    def end(self, deadline: float) -> None:
        """Waits for the end that it was asked for; kills it when that takes too long."""
        try:
            code = self.child.wait(max(0.1, deadline - monotonic()))
            say(f"{self._prefix}ended with exit code {code}")
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            say(f"{self._prefix}not drained after {DRAIN_SECONDS} s; killed. Its runs go on at the next start.")
        self._reader.join(1)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def commands(port: int) -> Iterator[tuple[str, list[str]]]:
    """Name and command of each process."""
    for number in (1, 2):
        address = ["-b", "127.0.0.1", "-p", str(port + number - 1)]
        yield f"web-{number}", [str(PROGRAMS / "daphne"), "-v", "0", *address, "console.asgi:application"]
    for number in (1, 2):
        yield f"scheduler-{number}", [*MANAGE, "scheduler"]
    for number, queues in enumerate(QUEUE_SETS, 1):
        celery = [str(PROGRAMS / "celery"), "-q", "-A", "orchestrator.workers.celery", "worker"]
        yield f"worker-{number}", [*celery, "-Q", queues, "-n", f"worker-{number}@%h"]


def environment(stack: ExitStack, home: Path) -> dict[str, str]:
    """What all processes share: production's rules over plain http on loopback. Ends with a sentence if that fails."""
    given = dict(os.environ)
    if not given.get("DATABASE_URL", "").startswith("postgres"):
        programs = find_postgres() or sys.exit(NO_POSTGRES)
        given["DATABASE_URL"] = stack.enter_context(postgres(programs)).url
    if not given.get("BROKER_URL"):
        find_redis() or sys.exit(NO_REDIS)
        redis = Redis(home)
        stack.callback(redis.stop)
        given["BROKER_URL"] = redis.url
    return {
        "SIGNALBOX_EXAMPLES": "1",
        "SECRET_KEY": secrets.token_urlsafe(50),
        **given,
        "SIGNALBOX_ENV": "production",
        "SIGNALBOX_HOME": str(home),
        "STATIC_ROOT": str(ROOT / ".signalbox" / "prod-like-static"),
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "SIGNALBOX_SECURE_COOKIES": "off",  # there is no TLS
        "PYTHONUNBUFFERED": "1",
    }


def prepare(env: dict[str, str]) -> tuple[str, str, str]:
    """Tables, static files, a superuser and two keys: the password, the event key and the API key."""

    def manage(*words: str, **more: str) -> str:
        chosen = {**env, "LOG_LEVEL": "ERROR", **more}
        done = subprocess.run([*MANAGE, *words], cwd=ROOT, env=chosen, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.strip()

    say("Preparing tables, an account and keys.")
    manage("migrate", "-v0")
    if not static_files_are_fresh(Path(env["STATIC_ROOT"])):
        say("Compressing static files: once, and again when they change. This takes a minute.")
        manage("collectstatic", "--noinput", "-v0")
    password = secrets.token_urlsafe(9)
    account = {"DJANGO_SUPERUSER_USERNAME": f"admin-{secrets.token_hex(2)}", "DJANGO_SUPERUSER_PASSWORD": password}
    manage("createsuperuser", "--noinput", "--email", "admin@localhost", **account)
    event_key, api_key = (manage("keys", "create", "--kind", kind, "--name", "prod-like") for kind in ("event", "api"))
    return f"{account['DJANGO_SUPERUSER_USERNAME']} / {password}", event_key, api_key


def static_files_are_fresh(collected: Path) -> bool:
    manifest = collected / "staticfiles.json"
    sources = [ROOT / "requirements.txt", *(ROOT / "static").rglob("*")]
    return manifest.exists() and manifest.stat().st_mtime > max(path.stat().st_mtime for path in sources)


def answers(site: str) -> bool:
    try:
        with urlopen(f"{site}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, TimeoutError):
        return False


def run(port: int) -> int:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signalbox-prodlike-")))
        env = environment(stack, home)
        account, event_key, api_key = prepare(env)
        stop = threading.Event()
        for number in ENDING:
            signal.signal(number, lambda *_: stop.set())
        processes = [Process(*each, env, colour) for each, colour in zip(commands(port), COLOURS, strict=True)]
        sites = [f"http://127.0.0.1:{number}" for number in (port, port + 1)]

        def over() -> bool:
            return stop.is_set() or any(process.ended for process in processes)

        try:
            eventually(lambda: over() or all(map(answers, sites)), within_seconds=START_SECONDS, every_seconds=0.5)
            if not over():
                say(READY.format(first=sites[0], second=sites[1], account=account, event=event_key, api=api_key))
                watch(processes, stop)
        finally:
            drain(processes)
        return 0 if stop.is_set() else 1


def watch(processes: Sequence[Process], stop: threading.Event) -> None:
    """Until it is told to stop, or nothing is left: who kills a process wants to see the others go on."""
    alive = list(processes)
    while alive and not stop.wait(0.5):
        for process in [process for process in alive if process.ended]:
            process.end(monotonic())
            alive.remove(process)


def drain(processes: Sequence[Process]) -> None:
    say("\nDraining.")
    left = [process for process in processes if not process.ended]
    for process in left:
        process.child.terminate()
    deadline = monotonic() + DRAIN_SECONDS
    for process in left:
        process.end(deadline)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="of the first web server; the second has the next one")
    options = parser.parse_args()
    for number in ENDING:
        signal.signal(number, signal.default_int_handler)
    try:
        return run(options.port)
    except KeyboardInterrupt:  # while it was prepared
        return 130


if __name__ == "__main__":
    sys.exit(main())
