"""``manage.py dev`` as a user meets it: starts, restarts, refuses, drains."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.live import ROOT, LiveServer

StartServer = Callable[..., LiveServer]


def run_dev(home: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "dev", "--port", "0", *options]
    env = os.environ | {"SIGNALBOX_HOME": str(home)} | env
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """A module with functions, of the user's own."""
    module = tmp_path / "modules" / "my_jobs.py"
    module.parent.mkdir()
    module.write_text("VERSION = 1\n")
    return module


def own_functions(jobs: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(jobs.parent), "SIGNALBOX_FUNCTIONS": "my_jobs"}


def test_it_says_where_it_is_and_how_to_send_an_event(server: LiveServer) -> None:
    banner = server.output()
    assert f"Console   {server.url}" in banner
    assert f'curl -d \'{{"name": "audit/requested", "data": {{}}}}\' {server.url}/e/dev' in banner


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("supervised", [True, False])
def test_it_drains_and_ends_well(number: int, supervised: bool, start_server: StartServer) -> None:
    server = start_server(supervised=supervised)
    assert server.stop(number) == 0
    assert "engine.draining" in server.output()
    server.start()
    assert server.get("/healthz") == {"status": "ok"}


def test_a_second_engine_on_the_same_data_says_so(server: LiveServer, database_url: str | None) -> None:
    if database_url:
        pytest.skip("PostgreSQL takes any number of engines")
    for options in ([], ["--no-reload"]):
        second = run_dev(server.home, *options)
        assert second.returncode == 1
        assert "engine" in second.stderr
        assert "Traceback" not in second.stderr


def test_a_port_in_use_is_named(server: LiveServer, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    second = run_dev(tmp_path / "other", "--port", port)
    assert second.returncode == 1
    assert f"127.0.0.1:{port} cannot be used" in second.stderr


def test_functions_that_are_not_there_are_named(tmp_path: Path) -> None:
    run = run_dev(tmp_path / "home", "--functions", "no_such_jobs")
    assert run.returncode != 0
    assert "no_such_jobs" in run.stderr


def test_a_changed_function_restarts_it_without_refusing_a_request(jobs: Path, start_server: StartServer) -> None:
    server = start_server(supervised=True, **own_functions(jobs))
    jobs.write_text("VERSION = 2\n")

    def restarted() -> bool:
        assert server.get("/healthz") == {"status": "ok"}
        return "Running again" in server.output()

    eventually(restarted, within_seconds=60)


def test_a_broken_function_waits_for_its_repair(jobs: Path, start_server: StartServer) -> None:
    server = start_server(supervised=True, **own_functions(jobs))
    jobs.write_text("VERSION = (\n")
    eventually(lambda: "starts again when a file changes" in server.output(), within_seconds=60)
    assert "SyntaxError" in server.output()
    jobs.write_text("VERSION = 3\n")
    eventually(lambda: "Running again" in server.output(), within_seconds=60)
    assert server.get("/healthz") == {"status": "ok"}


def test_the_server_does_not_outlive_its_supervisor(start_server: StartServer) -> None:
    server = start_server(supervised=True)
    server.kill()
    eventually(lambda: server.output().count("engine.draining") == 1)
    server.start()
    assert server.get("/healthz") == {"status": "ok"}
