"""Everything that must be green before a change is done: ``make test``; with ``--lint`` only what needs no database.

What cannot run here (no PostgreSQL, no Chromium, not root to install them) is said loudly at the end.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import monotonic

from tests.servers import apt_install, find_chromium, find_postgres, find_redis, postgres

PROGRAMS = Path(sys.executable).parent
PYTHON = sys.executable
PYTEST = (PYTHON, "-m", "pytest", "-q")
NO_TESTS_COLLECTED = 5

# What a developer may have set and must not reach the tests: for `make dev`, and what makes hundreds of processes
# compile the whole tree each anew.
LEFT_OUT = {
    "ALLOWED_HOSTS",
    "BROKER_URL",
    "CHANNEL_LAYER_URL",
    "DATABASE_LISTEN",
    "DATABASE_POOL_SIZE",
    "DATABASE_TRANSACTION_POOL",
    "DATABASE_URL",
    "LOG_LEVEL",
    "PORT",
    "PYTHONDONTWRITEBYTECODE",
    "SECRET_KEY",
    "SIGNALBOX_DEBUG",
    "SIGNALBOX_ENV",
    "SIGNALBOX_EXAMPLES",
    "SIGNALBOX_FUNCTIONS",
    "STATIC_ROOT",
}

# Where both databases are there, these run on one of them only: they are about something else, and take their time.
ON_SQLITE_ONLY = (
    "api/test_schemathesis.py",
    "benchmarks",
    "client",
    "commands",
    "console",
    "core",
    "docs",
    "harness",
    "project",
    "test_architecture.py",
    "torture",
    "typing",
)
ON_POSTGRESQL_ONLY = (
    "api/test_hostile_pages.py",
    "api/test_hostile_requests.py",  # it alone refuses NULs
    "engine/test_isolated.py",
    "examples",
    "workers",
)
# These wait for processes that they start, and are a check of their own beside the others.
WITH_PROCESSES = ("benchmarks", "chaos", "project", "torture", "workers")

AT_ONCE = 3  # two cores are enough for all of it: the third check has them while others wait


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one check: PASSED, FAILED or SKIPPED, and why."""

    check: str
    word: str
    seconds: float = 0
    reason: str = ""


Command = Sequence[str | Path]


@dataclass(slots=True)
class Checks:
    """Runs checks beside each other, in the order in which they come, and remembers how they ended."""

    env: Mapping[str, str]
    outcomes: list[Outcome] = field(default_factory=list)
    _printing: Lock = field(default_factory=Lock)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE))
    _running: list["Future[None]"] = field(default_factory=list)

    def run(self, check: str, command: Command, **env: str) -> None:
        """Run ``command`` as soon as there is room; what it prints is shown once it has ended."""
        self._running.append(self._pool.submit(self._run, check, [str(part) for part in command], env))

    def _run(self, check: str, words: list[str], env: Mapping[str, str]) -> None:
        started = monotonic()
        print(f"{check}: begun", flush=True)
        done = subprocess.run(words, env={**self.env, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with self._printing:
            print(f"\n=== {check}", flush=True)
            sys.stdout.buffer.write(done.stdout)
            sys.stdout.flush()
            self._note(check, done.returncode, monotonic() - started, tested="pytest" in words)

    def _note(self, check: str, code: int, seconds: float, *, tested: bool) -> None:
        if code == NO_TESTS_COLLECTED and tested:
            self.outcomes.append(Outcome(check, "SKIPPED", seconds, "no tests of this kind"))
        else:
            word, reason = ("FAILED", f"exit code {code}") if code else ("PASSED", "")
            self.outcomes.append(Outcome(check, word, seconds, reason))

    def skip(self, check: str, reason: str) -> None:
        self.outcomes.append(Outcome(check, "SKIPPED", reason=reason))

    def summary(self) -> int:
        """Wait for all of them and print the table; the answer is the exit code."""
        for running in self._running:
            running.result()
        print("\n=== Summary", flush=True)
        for outcome in self.outcomes:
            mark = "!!" if outcome.word == "SKIPPED" else "  "
            print(f"{mark} {outcome.word:<8} {outcome.check:<28} {outcome.seconds:6.1f} s  {outcome.reason}".rstrip())
        count = Counter(outcome.word for outcome in self.outcomes)
        print(f"\n{count['PASSED']} passed, {count['FAILED']} failed, {count['SKIPPED']} skipped", flush=True)
        return 1 if count["FAILED"] else 0


def lint(checks: Checks) -> None:
    """Style, types and migrations."""
    checks.run("ruff check", [PROGRAMS / "ruff", "check", "."])
    checks.run("ruff format", [PROGRAMS / "ruff", "format", "--check", "."])
    checks.run("mypy --strict", [PROGRAMS / "mypy"])
    checks.run("migrations are complete", [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"])


def test(checks: Checks, stack: ExitStack) -> None:
    """The suite on both databases and in the browser; what takes longest first, so that all end at about one time."""
    url = postgres_url(stack)
    if url and not find_redis() and not apt_install("redis-server"):
        checks.skip("tests with Redis", "Redis is not installed; apt install redis-server")
    elsewhere = ON_POSTGRESQL_ONLY if url else ()
    if url:
        _tests(checks, "PostgreSQL", ON_SQLITE_ONLY, DATABASE_URL=url)
    else:
        checks.skip("tests on PostgreSQL", "PostgreSQL is not installed; apt install postgresql, or set DATABASE_URL")
    _tests(checks, "SQLite", elsewhere)
    _processes(checks, "SQLite", elsewhere)
    if url:
        _processes(checks, "PostgreSQL", ON_SQLITE_ONLY, DATABASE_URL=url)
    if find_chromium() or (apt_install("chromium", "fonts-dejavu-core") and find_chromium()):
        checks.run("tests in Chromium", [*PYTEST, "-m", "browser"])
    else:
        checks.skip("tests in Chromium", "Chromium is not installed; apt install chromium, or set CHROMIUM to its path")


def _tests(checks: Checks, database: str, left_out: Sequence[str], **env: str) -> None:
    checks.run(f"tests on {database}", [*PYTEST, *_without((*left_out, *WITH_PROCESSES))], **env)


def _processes(checks: Checks, database: str, left_out: Sequence[str], **env: str) -> None:
    places = [f"tests/{place}" for place in WITH_PROCESSES if place not in left_out]
    checks.run(f"processes on {database}", [*PYTEST, *places, *_without(left_out)], **env)


def _without(places: Sequence[str]) -> list[str]:
    return [f"--ignore=tests/{place}" for place in places]


def postgres_url(stack: ExitStack) -> str | None:
    """A PostgreSQL to test on: the one DATABASE_URL names, else a throwaway one; None when there can be none."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        return given
    programs = find_postgres() or (apt_install("postgresql") and find_postgres())
    return stack.enter_context(postgres(programs, fsync=False)).url if programs else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lint", action="store_true", help="only style, types and migrations")
    options = parser.parse_args()
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="signalbox-test-"))
        inherited = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        checks = Checks(inherited | {"SIGNALBOX_HOME": home})
        lint(checks)
        if not options.lint:
            test(checks, stack)
        return checks.summary()


if __name__ == "__main__":
    sys.exit(main())
