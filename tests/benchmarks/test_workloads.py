"""Every workload runs from the outside, with tiny numbers, on the suite's kind of database. No speed is asserted."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from benchmarks.repetition import ROOT, WORKLOADS
from benchmarks.report import FIGURES
from benchmarks.sizes import SIZES

TINY = SIZES["tiny"]
OF_RUNS = ("w1", "w2", "flow_w1", "flow_w2")  # with the number of runs in flight in their figures' names
THROUGHPUTS = {f"{name}_{in_flight}_runs_per_s" for name in OF_RUNS for in_flight in TINY.in_flight}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``manage.py bench`` writes, of one repetition of everything."""
    file: Path = tmp_path_factory.mktemp("bench") / "figures.json"
    database = "postgres" if connection.vendor == "postgresql" else "sqlite"
    command = [sys.executable, "manage.py", "bench", "--size", "tiny", "--repeat", "1"]
    ended = subprocess.run([*command, "--database", database, "--json", str(file)], cwd=ROOT, capture_output=True)
    assert ended.returncode == 0, ended.stderr.decode()
    document: dict[str, Any] = json.loads(file.read_text())
    return document | {"figures": document["databases"][database]["repetitions"][0]}


def test_every_workload_gives_all_its_figures(measured: dict[str, Any]) -> None:
    expected = {figure.name for figure in FIGURES if not figure.name.startswith((*OF_RUNS, "w7_database"))}
    missing = (expected | THROUGHPUTS) - set(measured["figures"])
    assert not missing


def test_figures_are_positive_numbers(measured: dict[str, Any]) -> None:
    assert {name: value for name, value in measured["figures"].items() if value <= 0} == {}


def test_percentiles_are_in_order(measured: dict[str, Any]) -> None:
    figures = measured["figures"]
    assert figures["w3_p50_ms"] <= figures["w3_p95_ms"] <= figures["w3_p99_ms"]
    for workload in ("w4", "w8"):
        assert figures[f"{workload}_p50_ms"] <= figures[f"{workload}_p99_ms"]


def test_nobody_wakes_before_the_sleep_is_over(measured: dict[str, Any]) -> None:
    assert measured["figures"]["w8_p50_ms"] > 0


def test_memory_is_that_of_a_whole_server_after_as_many_runs_as_asked(measured: dict[str, Any]) -> None:
    assert measured["figures"]["w7_idle_mb"] > 20
    assert measured["figures"]["w7_runs"] == TINY.memory_runs


def test_the_document_says_where_and_on_what(measured: dict[str, Any]) -> None:
    assert measured["machine"]["cpu"]
    assert measured["size"] == "tiny"
    [facts] = [database["facts"] for database in measured["databases"].values()]
    assert facts["version"]
    assert facts.get("synchronous") == "FULL" or facts.get("synchronous_commit") == "on"


def test_an_unknown_workload_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks", "--only", "W1,W42"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "W42" in ended.stderr


def test_all_workloads_are_known() -> None:
    assert ("FLOW", "MATCH", *(f"W{n}" for n in range(1, 9))) == WORKLOADS
