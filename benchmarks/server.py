"""The product as users run it, in a process of its own: ``manage.py dev``, with daphne in front of the engine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 60.0
DRAIN_SECONDS = 20.0


@contextmanager
def dev_server() -> Iterator[tuple[str, int]]:
    """Its address and its process id; it reads the environment of this process, and is drained at the end."""
    log = Path(os.environ["SIGNALBOX_HOME"]) / "server.log"
    command = [sys.executable, "manage.py", "dev", "--no-reload", "--port", "0"]
    with log.open("wb") as output:
        env = os.environ | {"PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)
    try:
        yield _address(process, log), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DRAIN_SECONDS)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        printed = log.read_text(errors="replace").split()
        address = next((word for word in printed if word.startswith("http://127.0.0.1:")), None)
        if address is not None and _answers(address):
            return address
        time.sleep(0.05)
    raise RuntimeError(f"the server does not answer:\n{log.read_text(errors='replace')}")


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/healthz", timeout=5) as response:
            return bool(response.status == 200)
    except URLError:
        return False
