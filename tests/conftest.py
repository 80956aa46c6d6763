"""What every test can ask for: a database of its own, a live server, a browser that complains."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import TransactionTestCase, override_settings
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import expect

from orchestrator.engine.collecting import Collector
from orchestrator.models.environments import Environment
from tests.emptying import empty_tables
from tests.live import LiveServer
from tests.servers import find_chromium, find_redis

CHROMIUM_ARGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A shell ignores SIGINT for what it starts in the background, and so would the servers that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Examples take as long as the machine needs; a slow one is no bug.
hypothesis_settings.register_profile("signalbox", deadline=None)
hypothesis_settings.load_profile("signalbox")


# Milliseconds; a page that is slow on a busy machine is no bug either.
expect.set_options(timeout=20_000)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: collections of garbage, which some tests ask for, need not look through it."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that drive a browser or need PostgreSQL are marked by what they use, and skipped where it is missing."""
    for item in items:
        if {"page", "context", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)
        if item.get_closest_marker("browser") and not find_chromium():
            item.add_marker(pytest.mark.skip(reason="Chromium is not installed"))
        if item.get_closest_marker("postgres") and connection.vendor != "postgresql":
            item.add_marker(pytest.mark.skip(reason="runs on PostgreSQL only"))
        if item.get_closest_marker("redis") and not find_redis():
            item.add_marker(pytest.mark.skip(reason="Redis is not installed"))


@pytest.fixture(scope="session", autouse=True)
def engine_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tests lock and keep files in a folder of their own, so that a running ``make dev`` is not disturbed."""
    home = tmp_path_factory.mktemp("home")
    with override_settings(SIGNALBOX_HOME=home, ORCHESTRATOR=settings.ORCHESTRATOR | {"HOME": home}):
        yield home


@pytest.fixture(scope="session", autouse=True)
def hurried_engines() -> Iterator[None]:
    """An engine that lives for a second need not look through all that the tests have loaded first."""
    with patch.object(Collector, "relax"):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A SQLite database is a file, since threads write it; a PostgreSQL one has no pool, since it is dropped."""
    for database in connections.all():
        test = database.settings_dict["TEST"]
        if database.vendor == "sqlite":
            test["NAME"] = str(tmp_path_factory.mktemp("database") / "test.db")
        else:
            test["NAME"] = f"test_signalbox_{os.getpid()}"
            database.settings_dict["OPTIONS"].pop("pool", None)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with patch.object(TransactionTestCase, "_fixture_teardown", empty_tables):
        yield
    if connection.vendor == "postgresql":  # threads that listen would keep the database from being dropped
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(autouse=True)
def default_environment(request: pytest.FixtureRequest) -> None:
    """Tests that commit end with empty tables; the row that migrations made is put back before the next one."""
    marker = request.node.get_closest_marker("django_db")
    if (marker and marker.kwargs.get("transaction")) or "transactional_db" in request.fixturenames:
        request.getfixturevalue("transactional_db")
        Environment.objects.get_or_create(id=1, defaults={"name": "default"})


@pytest.fixture
def database_url() -> Iterator[str | None]:
    """An empty database for a server process: None means SQLite in its home, else a new PostgreSQL database."""
    with new_database() as url:
        yield url


@contextmanager
def new_database() -> Iterator[str | None]:
    """What ``database_url`` is, for as long as it is needed."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield None
        return
    server, _, _name = url.rpartition("/")
    name = f"signalbox_{uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield f"{server}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def start_server(tmp_path: Path, database_url: str | None) -> Iterator[Callable[..., LiveServer]]:
    """Start ``manage.py dev`` in a new home; the options are LiveServer's. All are killed at the end of the test."""
    servers: list[LiveServer] = []

    def start(*, supervised: bool = False, **env: str) -> LiveServer:
        chosen = {"DATABASE_URL": database_url} if database_url else {}
        server = LiveServer(tmp_path / f"home-{len(servers)}", supervised=supervised, env=chosen | env)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.end()
        sys.stdout.write(server.output())  # pytest shows it when the test failed


@pytest.fixture
def server(start_server: Callable[..., LiveServer]) -> LiveServer:
    """A live server with the examples, in a new home."""
    return start_server()


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The machine's own Chromium; nothing is downloaded."""
    return {"executable_path": find_chromium(), "args": CHROMIUM_ARGS}


@pytest.fixture(autouse=True)
def browser_complaints(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Console errors, page errors and policy violations of this test; any left at the end fails it."""
    complaints: list[str] = []
    if not {"page", "context"} & set(request.fixturenames):
        yield complaints
        return
    context = request.getfixturevalue("context")
    context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda web_error: complaints.append(str(web_error.error)))
    yield complaints
    assert not complaints, "the browser complained:\n" + "\n".join(complaints)
