"""The tables that grow with time can be partitioned: the engine works on them, statements find their partition."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.partition import KEYS, bound, main, months, statements
from orchestrator.core import ids
from orchestrator.engine.sql.postgres import AVOIDED, FENCE
from tests.live import ROOT

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

THIS_MONTH = f"{datetime.now(UTC):%Y-%m}"
MONTH = THIS_MONTH.replace("-", "_")
LINE = "INSERT INTO signalbox_log (run, key, number, at, level, logger, message) VALUES"
Connection = psycopg.Connection[tuple[Any, ...]]


def test_bounds_are_moments() -> None:
    beginnings = months("2026-11", 3)
    assert [f"{moment:%Y-%m-%d}" for moment in beginnings] == ["2026-11-01", "2026-12-01", "2027-01-01", "2027-02-01"]
    inside = ids.new_id(beginnings[1] + timedelta(days=5), b"\xff" * 10)
    low, high = bound(beginnings[1]), bound(beginnings[2])
    assert low < f"'{_uuid(inside)}'" < high


def _uuid(id: str) -> str:
    text = ids.to_bytes(id).hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def test_more_months_are_added_by_the_same_program(capsys: pytest.CaptureFixture[str]) -> None:
    main(["2027-01", "2", "--more"])
    assert capsys.readouterr().out.count("CREATE TABLE") == 2 * len(KEYS)


@pytest.fixture
def url(database_url: str | None) -> str:
    """Of a migrated database whose tables are partitioned, with a log line of long ago in it."""
    assert database_url is not None
    _manage(database_url, "manage.py", "migrate", "-v0")
    with psycopg.connect(database_url, autocommit=True) as connection:
        old = _uuid(ids.new_id(datetime(2025, 1, 1, tzinfo=UTC), bytes(10)))
        _run(connection, f"{LINE} ('{old}', '', 1, now(), 'INFO', '', 'before')")
        with connection.transaction():
            for statement in statements(THIS_MONTH, 2):
                _run(connection, statement)
    return database_url


def _manage(url: str, *words: str) -> str:
    env = os.environ | {"DATABASE_URL": url, "SIGNALBOX_FUNCTIONS": "benchmarks.functions", "SIGNALBOX_EXAMPLES": "0"}
    ended = subprocess.run([sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def _run(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    cursor = connection.execute(sql.encode())
    return cursor.fetchall() if cursor.description else []


def test_the_engine_works_on_partitioned_tables(url: str, tmp_path: Path) -> None:
    _manage(url, "-m", "benchmarks.measure", "W2,W5,W8", "tiny", str(tmp_path / "figures.json"))
    with psycopg.connect(url, autocommit=True) as connection:
        for table in KEYS:
            written = _run(connection, f"SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1")
            names = {name for name, _ in written}
            lines = {"signalbox_log_past"} if table == "signalbox_log" else {f"{table}_{MONTH}"}
            assert names == lines, table
        [(run,)] = _run(connection, "SELECT id::text FROM signalbox_run WHERE status = 'completed' LIMIT 1")
        _run(connection, f"{LINE} ('{run}', '', 1, now(), 'INFO', '', 'now')")
        assert _run(connection, "SELECT message FROM signalbox_log ORDER BY id") == [("before",), ("now",)]
        _assert_plans(connection, run)
    counted = _manage(url, "manage.py", "prune", "--older-than", "1ms", "--dry-run")
    deleted = _manage(url, "manage.py", "prune", "--older-than", "1ms")
    assert deleted.split()[1:4] == counted.split()[2:5]
    with psycopg.connect(url) as connection:
        assert {table: _run(connection, f"SELECT count(*) FROM {table}")[0][0] for table in KEYS} == dict.fromkeys(
            KEYS, 0
        )


def _assert_plans(connection: Connection, run: str) -> None:
    """A run's rows are looked for in its month only; what goes by status finds an index in every partition."""
    one = {
        "signalbox_run": f"SELECT * FROM signalbox_run WHERE id = ANY('{{{run}}}'::uuid[])",
        "signalbox_attempt": f"SELECT * FROM signalbox_attempt WHERE run = ANY('{{{run}}}'::uuid[])",
        "signalbox_journal": f"DELETE FROM signalbox_journal WHERE run = ANY('{{{run}}}'::uuid[])",
        "signalbox_log": f"SELECT * FROM signalbox_log WHERE run = '{run}' ORDER BY id",
    }
    for way in AVOIDED:
        _run(connection, f"SET enable_{way} = off")
    for table, sql in one.items():
        assert set(re.findall(rf"{table}_(?:past|rest|2\d{{3}}_\d\d)\b(?!_)", _plan(connection, sql))) == {
            f"{table}_{MONTH}"
        }
    fence = FENCE.replace("%s::uuid)", f"'{run}'::uuid)").replace("%s", "'{}'")
    assert "never executed" in _plan(connection, fence, "ANALYZE, ")
    ready = (
        "SELECT id FROM signalbox_run WHERE owner IS NULL AND gate IS NULL AND status = 'queued' AND queue = 'default'"
    )
    claim = _plan(connection, f"{ready} ORDER BY prio LIMIT 10 FOR NO KEY UPDATE SKIP LOCKED")
    assert "Merge Append" in claim
    assert "Seq Scan" not in claim


def _plan(connection: Connection, sql: str, how: str = "") -> str:
    return "\n".join(row[0] for row in _run(connection, f"EXPLAIN ({how}COSTS OFF) {sql}"))
