"""What our commands share: one connection, a database that answers, errors in one sentence."""

import getpass
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import DatabaseError, connections

from orchestrator.conf import settings
from orchestrator.core.errors import OrchestratorError
from orchestrator.doctor.findings import first_line
from orchestrator.doctor.storage import describe, exists
from orchestrator.models import Environment

CONNECT_SECONDS = 5
INTERRUPTED = 130  # as shells have it


class TerminalCommand(BaseCommand):
    """A command that reads rows and writes through the engine's verbs, in a process without an engine."""

    requires_system_checks: list[str] = []  # a broken function must not hide its runs
    needs_tables = True

    def run_from_argv(self, argv: list[str]) -> None:
        _connect_once()
        try:
            super().run_from_argv(argv)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader has seen enough, as in `runs list | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def execute(self, *args: Any, **options: Any) -> str | None:
        if os.environ.get("NO_COLOR") and not options.get("force_color"):
            options["no_color"] = True
        try:
            if self.needs_tables:
                require_tables()
            return super().execute(*args, **options)
        except OrchestratorError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"the database refused: {first_line(error)}") from error
        except KeyboardInterrupt:
            raise CommandError("interrupted", returncode=INTERRUPTED) from None

    def colored(self, options: dict[str, Any]) -> bool:
        """Whether what goes to standard output may have colours."""
        return not options["no_color"] and (options["force_color"] or self.stdout.isatty())

    def say(self, text: str) -> None:
        """A line on standard output; what its encoding cannot say becomes a question mark."""
        self.stdout.write(_encodable(self.stdout, text))

    def note(self, text: str) -> None:
        """A line for the person at the terminal, on standard error, so that the answer can go into a pipe."""
        self.stderr.write(_encodable(self.stderr, text), style_func=str)


def add_env(parser: ArgumentParser) -> None:
    parser.add_argument("--env", default="default", help="name of the environment (default: default)")


def env_id(name: str) -> int:
    """The id of the environment of that name. Raises CommandError, which lists those there are."""
    environments = Environment.objects.using(settings().database)
    found = environments.filter(name=name).first()
    if found is None:
        known = ", ".join(environments.order_by("name").values_list("name", flat=True))
        raise CommandError(f"no environment {name!r}; known: {known}")
    return int(found.pk)


def actor() -> str:
    """Who is at the terminal, for the record of who did what."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return f"uid {os.getuid()}"


def require_tables() -> None:
    """Raises CommandError, which says why, unless our tables can be read."""
    alias = settings().database
    wrapper = connections[alias]
    if not exists(wrapper):
        raise CommandError(
            f"there is no {describe(wrapper)} yet: manage.py migrate makes it, and so does manage.py dev"
        )
    try:
        Environment.objects.using(alias).exists()
    except DatabaseError as error:
        reason = first_line(error)
        if Environment._meta.db_table in reason:
            raise CommandError("the database has no tables of Signalbox yet: run manage.py migrate") from error
        raise CommandError(f"the database cannot be reached: {reason}") from error


def encoding(out: OutputWrapper) -> str:
    """The encoding of what Django wrapped, also of a stream in memory."""
    return getattr(out._out, "encoding", None) or "utf-8"  # the wrapper itself says None


def _encodable(out: OutputWrapper, text: str) -> str:
    return text.encode(encoding(out), "replace").decode(encoding(out))


def _connect_once() -> None:
    """One connection, quickly refused, instead of a pool that waits."""
    for wrapper in connections.all():
        if wrapper.vendor == "postgresql":
            wrapper.settings_dict["OPTIONS"].pop("pool", None)
            wrapper.settings_dict["OPTIONS"].setdefault("connect_timeout", CONNECT_SECONDS)
