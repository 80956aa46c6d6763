"""``manage.py dev``: the whole of Signalbox on this machine in one command."""

import os
import socket
import sys
from argparse import SUPPRESS, ArgumentParser
from typing import Any, NoReturn

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.urls import NoReverseMatch, reverse

from console.devserver import HOST, follow, listen, serve
from console.sources import find_sources
from console.supervisor import REFUSED, Plan, become_supervisor
from orchestrator.conf import settings as engine_settings
from orchestrator.core.errors import EngineAlreadyRunning

FUNCTIONS = "SIGNALBOX_FUNCTIONS"

BANNER = """
  Signalbox is running.

    Console   {console}
    Data      {data}
{event}
  {visitors}Ctrl-C drains and stops.
"""
EVENT = """
    Send an event:
      curl -d '{{"name": "{name}", "data": {{}}}}' {ingest}
"""
VISITORS = "Visitors from this machine are signed in as dev. "


class Command(BaseCommand):
    help = "Run web, scheduler and workers in one process, and again whenever code changes."
    requires_system_checks: list[str] = []  # the serving process does them, once

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=os.environ.get("PORT") or 8000, help="0 takes any free port")
        parser.add_argument("--functions", default="", help="modules with functions, separated by commas")
        parser.add_argument("--no-reload", action="store_true", help="do not watch files")
        parser.add_argument("--listener-fd", type=int, help=SUPPRESS)
        parser.add_argument("--parent-fd", type=int, help=SUPPRESS)
        parser.add_argument("--ready-fd", type=int, help=SUPPRESS)
        parser.add_argument("--again", action="store_true", help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["parent_fd"] is not None:
            follow(options["parent_fd"])
            listener = socket.socket(fileno=options["listener_fd"])
            self._serve(listener, again=options["again"], refusal_code=REFUSED, ready_fd=options["ready_fd"])
            return
        self._take_functions(options["functions"])
        listener = self._listen(options["port"])
        if options["no_reload"]:
            self._serve(listener)
        else:
            self._supervise(listener)

    def _serve(
        self, listener: socket.socket, *, again: bool = False, refusal_code: int = 1, ready_fd: int | None = None
    ) -> None:
        self.check()
        address = f"http://{HOST}:{listener.getsockname()[1]}"

        def ready() -> None:
            self._announce(address, again=again)
            if ready_fd is not None:
                os.write(ready_fd, b"!")
                os.close(ready_fd)

        try:
            serve(listener, ready)
        except EngineAlreadyRunning as error:
            raise CommandError(str(error), returncode=refusal_code) from error

    def _supervise(self, listener: socket.socket) -> NoReturn:
        template_folders = [folder for engine in settings.TEMPLATES for folder in engine.get("DIRS", ())]
        try:
            sources = find_sources(engine_settings().functions, template_folders)
        except ModuleNotFoundError as error:
            raise CommandError(f"{FUNCTIONS}: {error}") from error
        command = [sys.executable, *sys.orig_argv[1:]]
        become_supervisor(Plan(command, listener.fileno(), list(sources.trees), list(sources.folders)))

    def _take_functions(self, wanted: str) -> None:
        """Start over with ``wanted`` in the environment: functions are imported while Django sets up, before this."""
        known = [module for module in os.environ.get(FUNCTIONS, "").split(",") if module]
        missing = [module for module in wanted.split(",") if module and module not in known]
        if missing:
            os.environ[FUNCTIONS] = ",".join([*known, *missing])
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])

    def _listen(self, port: int) -> socket.socket:
        try:
            return listen(port)
        except OSError as error:
            reason = f"{HOST}:{port} cannot be used: {error.strerror}"
            raise CommandError(f"{reason}. Choose another port: make dev PORT={port + 1}") from error

    def _announce(self, address: str, *, again: bool) -> None:
        self._say(f"Running again: {address}" if again else _banner(address))

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()


def _banner(address: str) -> str:
    """What a developer wants to know, in Signalbox's own project and in others that it is part of."""
    home = getattr(settings, "SIGNALBOX_HOME", connection.settings_dict["NAME"])
    event = ""
    if engine_settings().open_access and (ingest := _path("signalbox-ingest", "dev")):
        name = "audit/requested" if apps.is_installed("examples") else "hello/said"
        event = EVENT.format(name=name, ingest=address + ingest)
    return BANNER.format(
        console=(address + _path("console:home")).rstrip("/"),
        data=home if connection.vendor == "sqlite" else f"{connection.vendor} database",
        event=event,
        visitors=VISITORS if getattr(settings, "SIGNALBOX_DEV_AUTO_LOGIN", False) else "",
    )


def _path(name: str, *args: str) -> str:
    """Where a project has put a page of ours; empty when it left that out."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
