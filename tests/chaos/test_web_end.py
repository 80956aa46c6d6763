"""A web process that is told to end while its requests cannot."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import psycopg
import pytest

from tests.eventually import eventually
from tests.workers.installation import Installation
from torture.servers import free_port

pytestmark = pytest.mark.postgres

STUCK = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
SIGTERM = -15


@pytest.fixture
def installation(tmp_path: Path, chaos_env: dict[str, str], database_url: str) -> Iterator[Installation]:
    built = Installation(tmp_path, {**chaos_env, "DATABASE_URL": database_url})
    yield built
    built.end()


def test_daphne_ends_though_its_requests_wait_for_a_database_that_does_not_answer(
    installation: Installation, database_url: str
) -> None:
    site = installation.web(free_port())

    def ask() -> None:
        with suppress(OSError, HTTPException):
            site.get("/api/v1/runs")

    with psycopg.connect(database_url) as locker, psycopg.connect(database_url, autocommit=True) as watcher:
        locker.execute("LOCK TABLE signalbox_run IN ACCESS EXCLUSIVE MODE")
        client = threading.Thread(target=ask)
        client.start()
        eventually(lambda: watcher.execute(STUCK).fetchone() != (0,))
        assert installation.processes["web"].stop() in (0, SIGTERM)
        client.join(10)
