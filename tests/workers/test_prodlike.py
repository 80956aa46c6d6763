"""``make prod-like``: production's processes on one machine, which write one form of log and drain together."""

import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest

from scripts import prodlike
from tests.eventually import eventually
from tests.live import ROOT

NAMES = ["web-1", "web-2", "scheduler-1", "scheduler-2", "worker-1", "worker-2"]


@pytest.mark.parametrize(
    "given, missing, words",
    [
        ({}, "find_postgres", "make prod-like DATABASE_URL="),
        ({"DATABASE_URL": "postgres://somewhere/else"}, "find_redis", "make prod-like BROKER_URL="),
    ],
)
def test_what_is_missing_is_said_with_the_way_out(
    given: dict[str, str], missing: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DATABASE_URL", "BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(prodlike, missing, lambda: None)
    with pytest.raises(SystemExit, match=re.escape(words)), ExitStack() as stack:
        prodlike.environment(stack, tmp_path)


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
