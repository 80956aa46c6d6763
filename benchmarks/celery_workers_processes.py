"""The processes of an installation with Celery workers, started and ended around a measurement."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 60.0
END_SECONDS = 20.0
CELERY = ("-m", "celery", "-A", "orchestrator.workers.celery", "worker", "-Q", "default")


@contextmanager
def installation(folder: Path, workers: int) -> Iterator[None]:
    """A scheduler and so many workers, ready; they read the environment of this process."""
    with ExitStack() as running:
        commands = {"scheduler": (["manage.py", "scheduler"], "The scheduler is running.")}
        commands |= {f"worker-{n}": ([*CELERY, "-n", f"worker-{n}"], " ready.") for n in range(workers)}
        started = [
            (running.enter_context(_process(folder / f"{name}.log", command)), folder / f"{name}.log", ready)
            for name, (command, ready) in commands.items()
        ]
        for process, log, ready in started:
            _wait(process, log, ready)
        yield


@contextmanager
def _process(log: Path, command: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        env = os.environ | {"PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", log: Path, ready: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while ready not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"it does not start:\n{log.read_text(errors='replace')[-4_000:]}")
        time.sleep(0.05)
