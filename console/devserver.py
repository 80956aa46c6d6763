"""One process with everything: the database brought up to date, the engine, and daphne in front."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from daphne.http_protocol import WebRequest
from daphne.server import Server
from django.conf import settings as django_settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string
from twisted.internet import reactor, threads
from twisted.internet.defer import Deferred

from console.bounds import set_bounds
from console.live.hub import hub
from orchestrator.api.ends import ends
from orchestrator.conf import settings
from orchestrator.engine.arrival import await_database
from orchestrator.engine.host import EngineHost, start_engine

HOST = "127.0.0.1"
DRAIN_SECONDS = 5
ORPHAN_SECONDS = 15  # for a drain that nobody supervises

logger = logging.getLogger(__name__)


class PoliteServer(Server):
    """daphne, except that at its end it lets the requests that it has finish."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ports: list[Any] = []

    def listen_success(self, port: Any) -> None:
        self.ports.append(port)

    def kill_all_applications(self) -> "Deferred[None]":
        return Deferred.fromFuture(asyncio.ensure_future(self._finish_requests()))

    async def _finish_requests(self) -> None:
        for port in self.ports:
            port.stopListening()
        ends.release()
        open_requests = [
            connection["application_instance"]
            for protocol, connection in self.connections.items()
            if isinstance(protocol, WebRequest) and connection.get("application_instance")
        ]
        if open_requests:
            await asyncio.wait(open_requests, timeout=DRAIN_SECONDS)


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes any free one. Raises OSError when the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def migrate(alias: str = "default") -> None:
    """Apply what is not applied yet; costs a few milliseconds when there is nothing."""
    executor = MigrationExecutor(connections[alias])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", database=alias, verbosity=0, interactive=False)


def serve(listener: socket.socket, ready: Callable[[], None]) -> None:
    """Run everything until SIGTERM or SIGINT, drain, and end the process. Raises EngineAlreadyRunning."""
    await_database(settings().database, migrated=False)
    migrate()
    set_bounds()
    application = _application()
    _mind_signals()
    runtime = start_engine()
    reactor.addSystemEventTrigger("before", "shutdown", _drain, runtime)  # type: ignore[attr-defined]
    endpoint = f"fd:fileno={listener.fileno()}"
    PoliteServer(application, endpoints=[endpoint], server_name="signalbox", ready_callable=ready).run()
    _end_now()


def _application() -> Any:
    """The project's; in debug mode with its static files, as runserver has it."""
    application = import_string(getattr(django_settings, "ASGI_APPLICATION", None) or "console.asgi.application")
    return ASGIStaticFilesHandler(application) if django_settings.DEBUG else application


def _mind_signals() -> None:
    """From before the engine works until the reactor minds signals itself: it then ends as soon as it runs."""
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        numbers.append(signal.SIGINT)
    for number in numbers:
        signal.signal(number, lambda *_: reactor.callFromThread(reactor.stop))  # type: ignore[attr-defined]


def follow(parent_fd: int) -> None:
    """End this process by SIGTERM when the other end of ``parent_fd`` closes, however the supervisor ended."""
    # Ctrl-C reaches the whole foreground group; the supervisor alone decides what it means.
    signal.signal(signal.SIGINT, lambda *_: None)
    os.set_inheritable(parent_fd, False)
    threading.Thread(target=_end_with_parent, args=(parent_fd,), name="signalbox-parent", daemon=True).start()


def _end_with_parent(parent_fd: int) -> None:
    os.read(parent_fd, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(ORPHAN_SECONDS)
    os._exit(1)


def _drain(runtime: EngineHost) -> object:
    logger.info("engine.draining", extra={"limit_seconds": DRAIN_SECONDS})
    hub.farewell()
    drained = threads.deferToThread(runtime.drain, DRAIN_SECONDS)
    return drained.addErrback(lambda failure: logger.error("engine.drain_failed", exc_info=failure.value))


def _end_now() -> None:
    """Python's own exit waits for every thread: for a body that outlasted the drain, for a request the loop left."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
