"""W10 from the outside, with tiny numbers: the command starts workers, scheduler, broker and database itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.celery_workers import ALL
from benchmarks.repetition import ROOT
from benchmarks.report import FIGURES
from benchmarks.sizes import SIZES


@pytest.mark.postgres
@pytest.mark.redis
def test_the_workloads_on_celery_workers_give_their_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "manage.py", "bench", "--workers", "2", "--size", "tiny", "--json", str(file)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    document = json.loads(file.read_text())["databases"]["postgres"]
    [figures] = document["repetitions"]
    wanted = {figure.name for figure in FIGURES if figure.name.startswith(("w3", "w4", "w5", "w8"))}
    wanted |= {f"{workload}_{n}_runs_per_s" for workload in ("w1", "w2") for n in SIZES["tiny"].in_flight}
    assert wanted <= set(figures)
    assert min(figures.values()) > 0
    assert document["facts"]["workers"] == "2"


@pytest.mark.parametrize("wrong", [["--workers", "0"], ["--workers", "2", "--only", "W6"]])
def test_what_workers_cannot_do_is_refused(wrong: list[str]) -> None:
    ended = subprocess.run([sys.executable, "-m", "benchmarks", *wrong], cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == 2
    assert "W6" not in ALL
