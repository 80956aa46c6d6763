"""``manage.py doctor``: what it says of things as they should be, and of each that is not."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import gethostname

import orjson
import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from orchestrator.doctor import examination
from orchestrator.doctor.findings import Finding, Level
from orchestrator.doctor.machine import examine_home, judge_room
from orchestrator.doctor.sessions import examine_engines, judge_engines, judge_queues
from orchestrator.doctor.software import examine_sqlite, examine_version
from orchestrator.doctor.storage import examine_clock, examine_connection, examine_migrations, judge_clock
from orchestrator.doctor.success import examine_expected
from orchestrator.models import Worker
from orchestrator.sdk.discovery import ImportFailure, failures
from tests.commands.running import Shell
from tests.console.factories import RunBuilder, fresh_id, make_expectation

NOW = datetime.now(UTC)
GB = 1024**3


@pytest.fixture
def broken() -> Iterator[None]:
    failures.append(ImportFailure("shop.functions", ZeroDivisionError("division by zero")))
    yield
    failures.pop()


@pytest.mark.django_db
def test_a_sound_installation_has_nothing_that_fails(manage: Callable[..., str]) -> None:
    text = manage("doctor")
    assert "FAIL" not in text
    assert text.splitlines()[0].startswith("OK    Python")
    assert text.endswith(" failed")
    topics = {finding["topic"] for finding in orjson.loads(manage("doctor", "--json"))["findings"]}
    assert {"Python", "Django", "Database", "Migrations", "Clock", "Engine", "Home", "Disk", "Functions"} <= topics
    assert ({"SQLite", "Journal mode", "Synchronous"} if connection.vendor == "sqlite" else {"fsync"}) <= topics


@pytest.mark.django_db
def test_what_fails_ends_with_1(manage: Callable[..., str], broken: None) -> None:
    with pytest.raises(SystemExit) as ended:
        manage("doctor")
    assert ended.value.code == 1


@pytest.mark.django_db
def test_a_module_that_fails_to_import_is_shown_with_its_traceback(broken: None) -> None:
    [finding] = [finding for finding in examination.examine() if finding.level is Level.FAIL]
    assert finding.text.startswith("shop.functions cannot be imported: ZeroDivisionError")
    assert "ZeroDivisionError: division by zero" in finding.detail
    assert finding.hint


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_fails() -> None:
    [last] = MigrationLoader(connection).graph.leaf_nodes("orchestrator")
    MigrationRecorder(connection).record_unapplied(*last)
    finding = examine_migrations(connection)
    assert (finding.level, ".".join(last) in finding.text) == (Level.FAIL, True)
    assert "manage.py migrate" in finding.hint


@pytest.mark.django_db
def test_a_migration_of_a_newer_version_is_told() -> None:
    MigrationRecorder(connection).record_applied("orchestrator", "9999_the_future")
    finding = examine_migrations(connection)
    assert (finding.level, "9999_the_future" in finding.text) == (Level.WARN, True)


@pytest.mark.parametrize(
    "ahead, level",
    [(0, Level.OK), (0.9, Level.OK), (-2, Level.WARN), (2, Level.WARN), (6, Level.FAIL), (-3600, Level.FAIL)],
)
def test_clocks_may_differ_by_a_second(ahead: float, level: Level) -> None:
    assert judge_clock(timedelta(seconds=ahead)).level is level


@pytest.mark.django_db
def test_a_clock_that_was_put_back_is_noticed() -> None:
    RunBuilder(at=NOW, id=fresh_id(NOW)).save()
    assert examine_clock(connection, NOW).level is Level.OK
    finding = examine_clock(connection, NOW - timedelta(minutes=5))
    assert (finding.level, "5 m after now" in finding.text) == (Level.WARN, True)


@pytest.mark.django_db
def test_engines_are_those_whose_lease_and_process_live() -> None:
    def session(pid: int, host: str, seconds: float, queues: tuple[str, ...] = ("default",)) -> None:
        until = NOW + timedelta(seconds=seconds)
        Worker.objects.create(
            id=fresh_id(NOW), host=host, pid=pid, started_at=NOW, expires_at=until, queues=list(queues)
        )

    session(os.getpid(), gethostname(), -1)
    session(2**22 + 1, gethostname(), 10)  # over the largest pid there is
    session(os.getpid(), gethostname(), 10, ())  # only sends
    assert [finding.level for finding in examine_engines(NOW)] == [Level.WARN]
    session(os.getpid(), gethostname(), 10)
    session(2**22 + 1, "elsewhere", 10)
    assert next(iter(examine_engines(NOW))).text.startswith("2 running: ")


def test_engines_are_told_with_queues_and_version_and_queues_without_one_too() -> None:
    known = {"host": "h", "pid": 7, "started_at": NOW, "expires_at": NOW}
    engines = [
        Worker(queues=["default"], concurrency=500, version="abc", **known),
        Worker(queues=["mail", "large-1x"], **known),
    ]
    text = judge_engines(engines).text
    assert "UTC on default, 500 runs at once, version abc; " in text
    assert text.endswith("UTC on mail, large-1x")
    [finding] = judge_queues(engines, ["default", "micro", "large-1x", "micro"])
    assert (finding.level, finding.text) == (
        Level.WARN,
        "nobody works on 'micro', in which runs of 2 functions wait",
    )


@pytest.mark.parametrize("free, level", [(10 * GB, Level.OK), (GB // 2, Level.WARN), (GB // 100, Level.FAIL)])
def test_a_disk_needs_room(free: int, level: Level) -> None:
    assert judge_room(free).level is level


def test_a_home_that_cannot_be_written_fails(tmp_path: Path) -> None:
    [finding] = examine_home(tmp_path / "missing")
    assert finding.level is Level.FAIL


def test_old_programs_fail() -> None:
    assert examine_version("Python", (3, 10, 9), (3, 11)).level is Level.FAIL
    assert examine_version("Python", (3, 11, 0), (3, 11)).level is Level.OK
    assert examine_sqlite((3, 34, 1)).level is Level.FAIL
    assert "only one process may checkpoint" in examine_sqlite((3, 40, 1)).text
    assert examine_sqlite((3, 51, 3)) == Finding(Level.OK, "SQLite", "3.51.3")


def test_before_the_first_start_there_is_no_database_and_none_is_made(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home", {"DATABASE_URL": ""})
    done = shell("doctor")
    assert done.returncode == 1
    assert "signalbox.db is not there yet" in done.stdout
    assert not (tmp_path / "home" / "signalbox.db").exists()


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home", {"DATABASE_URL": "postgres://ada:secret@127.0.0.1:9/jobs"})
    done = shell("doctor")
    assert done.returncode == 1
    assert "PostgreSQL ada@127.0.0.1:9/jobs does not answer" in done.stdout
    assert "secret" not in done.stdout + done.stderr
    refused = shell("runs", "list")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert refused.stderr.startswith("CommandError: the database cannot be reached: ")


@pytest.mark.django_db
def test_a_database_that_answers_is_named() -> None:
    finding = examine_connection(connection)
    assert (finding.level, str(connection.settings_dict["NAME"]) in finding.text) == (Level.OK, True)


@pytest.mark.django_db
def test_functions_that_should_have_completed_by_now_are_named() -> None:
    assert list(examine_expected(NOW)) == []
    make_expectation("early", watched_from=NOW - timedelta(hours=25))
    [fine] = examine_expected(NOW)
    assert (fine.level, fine.topic) == (Level.OK, "Expected")
    last = NOW - timedelta(hours=27)
    make_expectation("late", watched_from=NOW - timedelta(hours=30), last_success_at=last)
    make_expectation("never", watched_from=NOW - timedelta(hours=30))
    late, never = examine_expected(NOW)
    since = NOW - timedelta(hours=1)
    assert late.level is Level.WARN
    assert late.text.startswith(
        f"late is overdue since {since:%Y-%m-%d %H:%M:%S} UTC: it should complete within 1 d 2 h"
    )
    assert f"it did last at {last:%Y-%m-%d %H:%M:%S} UTC" in late.text
    assert "it did last" not in never.text
    assert late.hint.endswith("manage.py runs list --function late")
