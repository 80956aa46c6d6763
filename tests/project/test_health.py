"""/healthz and /readyz: for whoever asks, at any address, with the truth and nothing else."""

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.test import AsyncClient, Client, override_settings

from console import health
from orchestrator.db.schema import WAY_OUT, newest_migrations

READY = {"status": "ready", "database": "ok", "migrations": "ok", "writable": "ok"}
pytestmark = pytest.mark.django_db(transaction=True)  # health looks over a connection of its own


@pytest.fixture
def strict_hosts() -> Iterator[None]:
    with override_settings(ALLOWED_HOSTS=["jobs.example.com"]):
        yield


def test_a_probe_by_address_is_answered(strict_hosts: None) -> None:
    probe = Client(headers={"host": "10.1.2.3:8000"})
    assert probe.get("/healthz").json() == {"status": "ok"}
    assert probe.get("/readyz").json() == READY
    assert probe.get("/login/").status_code == 400
    assert probe.post("/readyz").status_code == 405


async def test_it_answers_under_asgi_as_well() -> None:
    answer = await AsyncClient().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, READY)


def test_before_the_migration_of_an_upgrade_it_is_not_ready() -> None:
    newest = next(key for key in newest_migrations() if key[0] == "orchestrator")
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied(*newest)
    try:
        answer = Client().get("/readyz")
        assert Client().get("/healthz").status_code == 200
    finally:
        recorder.record_applied(*newest)
    told = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert (told["code"], told["detail"], told["migrations"]) == ("not_ready", WAY_OUT, "1 missing")
    assert Client().get("/readyz").json() == READY


def test_a_database_that_can_only_be_read_is_not_writable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.os, "access", lambda *_: False)
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
        assert not health._writable(connection)


def test_what_can_only_be_read_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_writable", lambda _: False)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["writable"]) == (503, "read-only")
    assert "leads to a standby" in answer.json()["detail"]


def test_what_a_database_that_is_away_says_of_itself_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("connection to ada:secret@db.example failed")

    monkeypatch.setattr(health, "_writable", refuse)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "does not answer")
    assert "DATABASE_URL" in answer.json()["detail"]
    assert "secret" not in answer.content.decode()
    assert Client().get("/healthz").status_code == 200
