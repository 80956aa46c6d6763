"""``manage.py check --deploy``: silent on a sound installation, and each fault has its id."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from console import checks
from orchestrator.engine.keys import create_key
from orchestrator.models import Key
from tests.commands.running import Shell
from tests.live import ROOT

SOUND: dict[str, Any] = {"SIGNALBOX_ENV": "production", "ALLOWED_HOSTS": ["jobs.example.com"]}
SQLITE_ONLY = {"console.E101", "console.W104"}


def found(orchestrator: dict[str, Any] | None = None, **chosen: Any) -> set[str | None]:
    engine = settings.ORCHESTRATOR | {"OPEN_ACCESS": False} | (orchestrator or {})
    with override_settings(**SOUND | {"ORCHESTRATOR": engine} | chosen):
        messages = [*checks.check_deployment(), *checks.check_layer()]
        assert all(message.hint for message in messages)
        return {message.id for message in messages} - (set() if orchestrator else SQLITE_ONLY)


@pytest.fixture
def key() -> None:
    create_key(Key.Kind.EVENT, "shop", 1)


@pytest.mark.django_db
def test_a_sound_installation_has_no_complaints(key: None) -> None:
    assert found() == set()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "orchestrator, chosen, id",
    [
        (None, {"SIGNALBOX_ENV": "development"}, "console.W101"),
        ({"OPEN_ACCESS": True}, {}, "console.W102"),
        (None, {"ALLOWED_HOSTS": ["*"]}, "console.W103"),
        ({"BROKER_URL": "kafka://broker"}, {}, "console.W105"),
        ({"BROKER_URL": "broker:6379"}, {}, "console.W105"),
        ({"CHANNEL_LAYER": "other"}, {}, "console.E002"),
    ],
)
def test_a_fault_has_its_id(key: None, orchestrator: Any, chosen: dict[str, Any], id: str) -> None:
    assert found(orchestrator, **chosen) - SQLITE_ONLY == {id}


@pytest.mark.django_db
def test_workers_on_sqlite_are_an_error_and_one_process_is_a_choice(key: None) -> None:
    sqlite = connection.vendor == "sqlite"
    assert found({"BROKER_URL": "redis://broker"}) == ({"console.E101"} if sqlite else set())
    assert found({"BROKER_URL": ""}) == ({"console.W104"} if sqlite else set())


@pytest.mark.django_db
def test_without_a_key_no_program_can_do_anything(key: None) -> None:
    Key.objects.update(revoked_at=Key.objects.get().created_at)
    assert found() == {"console.W106"}


def test_from_outside_it_says_what_django_says_as_well(tmp_path: Path) -> None:
    """The database is not there yet: that is the doctor's to say."""
    env = {"SIGNALBOX_ENV": "production", "SECRET_KEY": "k", "ALLOWED_HOSTS": "jobs.example.com", "DATABASE_URL": ""}
    done = Shell(tmp_path, env)("check", "--deploy", "--fail-level", "WARNING")
    ids = set(re.findall(r"\((\w+\.[EW]\d+)\)", done.stderr))
    assert (done.returncode, ids) == (1, {"console.W104", "security.W004", "security.W009"})
    better = {"SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz" * 2, "SECURE_HSTS_SECONDS": "31536000"}
    done = Shell(tmp_path, env | better)("check", "--deploy")
    assert set(re.findall(r"\((\w+\.[EW]\d+)\)", done.stderr)) == {"console.W104"}


def test_each_check_is_explained() -> None:
    known = set(re.findall(r"console\.[EW]\d+", (ROOT / "console/checks.py").read_text()))
    assert known == set(re.findall(r"console\.[EW]\d+", (ROOT / "docs/deploying.md").read_text()))
