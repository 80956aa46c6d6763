"""``make prod-like``: production's processes on one machine, which write one form of log and drain together."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.eventually import eventually
from tests.live import ROOT

NAMES = ["web-1", "web-2", "scheduler-1", "scheduler-2", "worker-1", "worker-2"]


def test_what_is_missing_is_said_with_the_way_out() -> None:
    env = {**os.environ, "PATH": "/nowhere", "DATABASE_URL": "postgres://somewhere/else", "BROKER_URL": ""}
    command = [sys.executable, "-m", "scripts.prodlike", "--port", "1"]
    tried = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30)
    assert tried.returncode == 1
    assert "make prod-like BROKER_URL=" in tried.stderr


@pytest.mark.slow
@pytest.mark.redis
@pytest.mark.timeout(400)
def test_it_serves_and_drains(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with log.open("wb") as output:
        command = [sys.executable, "-m", "scripts.prodlike", "--port", str(port)]
        running = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        eventually(lambda: "Ctrl-C drains" in log.read_text() or running.poll(), within_seconds=300)
        lines = [line.split(maxsplit=1) for line in log.read_text().splitlines() if line.split(" ")[0] in NAMES]
        rows = [orjson.loads(text) for _, text in lines if text.startswith("{")]
        assert {row["logger"] for row in rows} >= {"orchestrator.workers.celery"}
    finally:
        running.send_signal(signal.SIGINT)
        code = running.wait(60)
    text = log.read_text()
    assert (code, re.findall(r"^(\S+) +ended with exit code 0$", text, re.MULTILINE)) == (0, NAMES)
