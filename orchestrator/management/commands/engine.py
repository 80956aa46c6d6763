"""``manage.py engine``: runs functions without serving the web, beside a site that any server serves."""

import logging
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orchestrator.conf import settings
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine.arrival import await_database
from orchestrator.engine.host import EngineHost, start_engine
from orchestrator.sdk.registry import registry


class Command(BaseCommand):
    help = "Run scheduler and functions until SIGTERM. On PostgreSQL start as many as you like, on SQLite one."

    def start(self) -> EngineHost:
        """The engine that this command is about. Raises EngineAlreadyRunning."""
        host = start_engine()
        self.stdout.write(f"The engine is running: {len(list(registry))} functions.")
        return host

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--drain-seconds", type=float, default=5.0, help="how long running steps may go on at the end"
        )

    def handle(self, *, drain_seconds: float, **_: Any) -> None:
        with _end_signal() as ended:
            if await_database(settings().database, ended):
                self.check_migrations()
                engine = self._start()
                ended(None)
                self.stdout.write("Draining.")
                engine.drain(drain_seconds)
        _end_now()

    def _start(self) -> EngineHost:
        try:
            engine = self.start()
        except OrchestratorError as error:
            raise CommandError(str(error)) from error
        self.stdout.flush()
        return engine


@contextmanager
def _end_signal() -> Iterator[Callable[[float | None], bool]]:
    """A function that waits for SIGTERM or SIGINT, at most so many seconds, and says whether there was one."""
    read_end, write_end = os.pipe()
    numbers = (signal.SIGTERM, signal.SIGINT)
    former = {number: signal.signal(number, lambda *_: os.write(write_end, b"!")) for number in numbers}
    try:
        yield lambda seconds: bool(select.select([read_end], [], [], seconds)[0])
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        os.close(read_end)
        os.close(write_end)


def _end_now() -> None:
    """Python's own exit waits for every thread, also for a body that outlasted the drain."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
