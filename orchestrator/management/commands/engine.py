"""``manage.py engine``: runs functions without serving the web, beside a site that any server serves."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orchestrator.core.errors import OrchestratorError
from orchestrator.engine.host import EngineHost, start_engine
from orchestrator.sdk.registry import registry


class Command(BaseCommand):
    help = "Run scheduler and functions until SIGTERM. On PostgreSQL start as many as you like, on SQLite one."
    requires_migrations_checks = True

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
        with _end_signal() as wait_for_end:
            try:
                engine = self.start()
            except OrchestratorError as error:
                raise CommandError(str(error)) from error
            self.stdout.flush()
            wait_for_end()
            self.stdout.write("Draining.")
            engine.drain(drain_seconds)
        _end_now()


@contextmanager
def _end_signal() -> Iterator[Any]:
    """A function that waits for SIGTERM or SIGINT, also for one that came before it was called."""
    read_end, write_end = os.pipe()
    numbers = (signal.SIGTERM, signal.SIGINT)
    former = {number: signal.signal(number, lambda *_: os.write(write_end, b"!")) for number in numbers}
    try:
        yield lambda: os.read(read_end, 1)
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
