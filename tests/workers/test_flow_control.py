"""Limits hold, and places come back, with four engines at work on one PostgreSQL."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.ledger import Ledger
from tests.conftest import new_database
from tests.eventually import eventually
from tests.live import ROOT, Requests
from tests.workers.installation import Installation, unused_port

pytestmark = pytest.mark.postgres
ENGINES = 4
OVERRIDE = "from orchestrator.engine.overrides import set_override; set_override({!r}, {}, period={})"


class Engines:
    """A web process and four engines; each test has functions of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        env = {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "CHAOS_LEASE_SECONDS": "3",
            "SIGNALBOX_FUNCTIONS": "tests.workers.flow_functions",
            "SIGNALBOX_EXAMPLES": "0",
            "FLOW_FOLDER": str(folder),
        }
        self.folder = folder
        self.ledger = Ledger(url, Path())
        self.installation = Installation(folder, env)
        for number in range(ENGINES):
            self.installation.engine(f"engine-{number}")
        self.site: Requests = self.installation.web(unused_port())
        self.installation.wait_until_ready()

    def send(self, name: str, count: int, **data: object) -> None:
        self.site.post("/e/dev", [{"name": f"flow/{name}", "data": data | {"n": n}} for n in range(count)])

    def rows(self, function: str, columns: str, condition: str = "1 = 1") -> list[tuple[Any, ...]]:
        return self.ledger.rows(
            f"SELECT {columns} FROM signalbox_run WHERE function = '{function}' AND {condition} ORDER BY started_at, id"
        )

    def complete(self, function: str, count: int, *, within_seconds: float = 60) -> None:
        eventually(
            lambda: len(self.rows(function, "id", "status = 'completed'")) == count, within_seconds=within_seconds
        )

    def most_inside(self, prefix: str) -> int:
        """How many visits of that name went on at once, at the most."""
        moments = []
        for line in (self.folder / "visits").read_text().splitlines():
            name, came, went, _ = line.split()
            if name.startswith(prefix):
                moments += [(int(came), 1), (int(went), -1)]
        inside = most = 0
        for _, change in sorted(moments):
            inside += change
            most = max(most, inside)
        return most


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with new_database() as url:
        assert url is not None
        made = Engines(tmp_path_factory.mktemp("flow"), url)
        yield made
        made.installation.end()


def test_never_more_than_the_limit_execute_and_all_complete(engines: Engines) -> None:
    engines.send("limited", 100)
    engines.complete("limited", 100)
    assert 1 <= engines.most_inside("limited") <= 3


def test_caps_by_key_hold_together_with_the_one_for_all(engines: Engines) -> None:
    for tenant in "abc":
        engines.send("keyed", 20, tenant=tenant)
    engines.complete("keyed", 60)
    assert engines.most_inside("keyed-") <= 4
    assert all(engines.most_inside(f"keyed-{tenant}") <= 2 for tenant in "abc")


def test_any_six_starts_at_five_in_two_seconds_span_two_seconds(engines: Engines) -> None:
    engines.send("throttled", 15)
    engines.complete("throttled", 15)
    started = [at for (at,) in engines.rows("throttled", "started_at")]
    spans = [later - earlier for earlier, later in zip(started, started[5:], strict=False)]
    assert len(spans) == 10
    assert min(spans) >= timedelta(seconds=1.999)


def test_a_limit_that_is_changed_acts_on_what_waits_in_all_processes(engines: Engines) -> None:
    engines.send("nearly-never", 6)
    eventually(lambda: len(engines.rows("nearly-never", "id", "gate IS NOT NULL")) == 5)
    code = OVERRIDE.format("throttle:nearly-never", 1000, 1.0)
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
    subprocess.run(command, cwd=ROOT, env=engines.installation.env, check=True)
    engines.complete("nearly-never", 6, within_seconds=10)
    saved = engines.ledger.rows("SELECT created_at FROM signalbox_limit_override")[0][0]
    started: list[datetime] = [at for (at,) in engines.rows("nearly-never", "started_at")]
    assert started[-1] - saved < timedelta(seconds=5)


def test_ten_runs_of_one_tenant_are_over_before_another_has_had_a_hundred_of_its_thousand(engines: Engines) -> None:
    engines.site.post("/api/v1/pauses", {"kind": "function", "name": "fair"})
    engines.send("fair", 1000, tenant="a")
    engines.send("fair", 10, tenant="b")
    engines.site.post("/api/v1/pauses/resume", {"kind": "function", "name": "fair"})
    engines.complete("fair", 1010)
    order = engines.ledger.rows(
        "SELECT e.data->>'tenant' FROM signalbox_run r JOIN signalbox_run_event re ON re.run = r.id"
        " JOIN signalbox_event e ON e.id = re.event WHERE r.function = 'fair' ORDER BY r.ended_at, r.id"
    )
    tenants = [tenant for (tenant,) in order]
    last_of_b = max(n for n, tenant in enumerate(tenants) if tenant == "b")
    assert tenants[:last_of_b].count("a") < 100


def test_places_of_a_killed_process_are_free_again_with_its_lease(engines: Engines) -> None:
    engines.send("held", 6)
    pids = eventually(lambda: [int(path.name.rpartition("-")[2]) for path in engines.folder.glob("held-by-*")])
    eventually(lambda: len(engines.rows("held", "id", "gate IS NOT NULL")) == 4)
    [killed] = [p for p in engines.installation.processes.values() if p.pid == pids[0]]
    os.kill(killed.pid, signal.SIGKILL)
    (engines.folder / "go").touch()
    engines.complete("held", 6, within_seconds=30)
    assert engines.most_inside("held") <= 2
    assert not engines.ledger.rows("SELECT key FROM signalbox_slot")


def test_histories_are_whole(engines: Engines) -> None:
    """Of all the runs of the tests before."""
    journal = engines.ledger.journal()
    runs = engines.ledger.runs()
    assert [run.id for run in runs if [seq for seq, _ in journal[run.id]] != list(range(1, run.seq + 1))] == []
    starts = [len([kind for _, kind in journal[run.id] if kind == "run.started"]) for run in runs]
    assert set(starts) <= {1}
    assert all(earlier[0] < later[0] for entries in journal.values() for earlier, later in pairwise(entries))
