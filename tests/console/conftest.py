"""A console in this process: daphne in a thread over the test's database, so that tests write rows and ring bells."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from django.conf import settings
from django.test import Client, override_settings

from console.asgi import application
from orchestrator.engine.runtime import install
from orchestrator.models import Run
from tests.console.factories import rich_runs
from tests.eventually import eventually


def pytest_collection_finish(session: pytest.Session) -> None:
    """Playwright keeps an event loop running in the main thread, where browser tests also make their rows."""
    if any(item.get_closest_marker("browser") for item in session.items):
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(autouse=True)
def deaf() -> Iterator[None]:
    """Sockets of these tests hear what they ring themselves; a listener would outlive the test's database."""
    with override_settings(ORCHESTRATOR=settings.ORCHESTRATOR | {"LISTEN": False}):
        yield


@pytest.fixture
def visitor() -> Client:
    """Somebody on this machine, signed in automatically."""
    return Client(REMOTE_ADDR="127.0.0.1")


@pytest.fixture
def engine(transactional_db: None) -> Iterator[None]:
    """The first that writes reads which functions there are; a test makes them before."""
    former = install(None)
    yield
    ours = install(former)
    if ours is not None:
        ours.journal.close()


@pytest.fixture(scope="session")
def console_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    threading.Thread(target=_serve, args=(port,), daemon=True).start()
    eventually(lambda: _answers(port))
    return port


@pytest.fixture
def console_url(console_port: int, transactional_db: None) -> str:
    return f"http://127.0.0.1:{console_port}"


@pytest.fixture
def runs(console_url: str) -> Mapping[str, Run]:
    return rich_runs()


@pytest.fixture
def address(console_url: str, runs: Mapping[str, Run]) -> Callable[[str], str]:
    """The address of a run by the name it has in rich_runs()."""
    return lambda name: f"{console_url}/runs/{runs[name].id}"


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return browser_context_args | {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"}


def _serve(port: int) -> None:
    endpoints = build_endpoint_description_strings(host="127.0.0.1", port=port)
    Server(application=application, endpoints=endpoints, signal_handlers=False).run()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
