"""The torture's short form: one seed, on the database that the suite runs on."""

import os
import subprocess
import sys

import pytest

from tests.live import ROOT
from tests.servers import find_postgres

SEED = 11
OPTIONS = ["--seed", str(SEED), "--minutes", "0.3", "--runs", "30", "--killers", "0", "--pauses", "0.5", "2.5"]


@pytest.mark.timeout(300)
def test_programs_come_to_what_was_computed_though_their_processes_die() -> None:
    on_postgres = os.environ.get("DATABASE_URL", "").startswith("postgres")
    if on_postgres and find_postgres() is None:
        pytest.skip("a PostgreSQL that may be crashed needs its programs here")
    options = [*OPTIONS, "--freeze-seconds", "6", "--outage-seconds", "0", "--drain-seconds", "120"]
    options += ["--postgres", "throwaway"] if on_postgres else []
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "BROKER_URL"}}
    command = [sys.executable, "manage.py", "torture", *options]
    tortured = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert tortured.returncode == 0, tortured.stdout + tortured.stderr
    assert "\n0 differences" in tortured.stdout
    assert f"seed {SEED}," in tortured.stdout
    faults = tortured.stdout.partition("faults\n")[2].partition("\n\n")[0].splitlines()
    assert len(faults) >= 3, tortured.stdout
