"""What the environment chooses."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from console import environment


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_POOL_SIZE", "SECRET_KEY", "SIGNALBOX_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_data_lie_in_the_working_directory_unless_told_otherwise(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert environment.data_home() == tmp_path / ".signalbox"
    monkeypatch.setenv("SIGNALBOX_HOME", "elsewhere")
    assert environment.data_home() == tmp_path / "elsewhere"


def test_without_a_database_url_sqlite_is_durable_and_ours(tmp_path: Path) -> None:
    database = environment.database(tmp_path)
    assert database["ENGINE"] == "orchestrator.db.sqlite3"
    assert database["NAME"] == str(tmp_path / "signalbox.db")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in database["OPTIONS"]["init_command"]


def test_a_database_url_chooses_postgresql_with_a_pool(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://ada:secret@db.example/jobs")
    database = environment.database(tmp_path)
    assert (database["ENGINE"], database["HOST"], database["NAME"]) == (
        "orchestrator.db.postgresql",
        "db.example",
        "jobs",
    )
    assert database["OPTIONS"]["pool"]["max_size"] == 16
    monkeypatch.setenv("DATABASE_POOL_SIZE", "0")
    assert "pool" not in environment.database(tmp_path)["OPTIONS"]


def test_the_development_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = environment.secret_key(tmp_path / "home", development=True)
    assert environment.secret_key(tmp_path / "home", development=True) == key
    assert len(key) >= 50
    [file] = (tmp_path / "home").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "given, missing",
    [
        ({}, "SECRET_KEY is required"),
        ({"SECRET_KEY": "k"}, "ALLOWED_HOSTS is required"),
        ({"SECRET_KEY": "k", "ALLOWED_HOSTS": "jobs.example.com"}, None),
    ],
)
def test_production_asks_for_what_it_needs(given: dict[str, str], missing: str | None, tmp_path: Path) -> None:
    env = {"SIGNALBOX_ENV": "production", "SIGNALBOX_HOME": str(tmp_path), **given}
    run = subprocess.run([sys.executable, "-c", "import console.settings"], env=env, capture_output=True, text=True)
    assert (run.returncode == 0) is (missing is None)
    assert missing is None or missing in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_is_none_is_refused_by_name(monkeypatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "many")
    with pytest.raises(ImproperlyConfigured, match="DATABASE_POOL_SIZE must be a whole number, not 'many'"):
        environment.number("DATABASE_POOL_SIZE", 16)


@pytest.mark.parametrize("said, meant", [("1", True), ("TRUE", True), ("off", False), ("0", False), ("", True)])
def test_flags_speak_plainly(said: str, meant: bool, monkeypatch) -> None:
    monkeypatch.setenv("SIGNALBOX_EXAMPLES", said)
    assert environment.flag("SIGNALBOX_EXAMPLES", default=True) is meant
