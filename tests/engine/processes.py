"""Engines whose runs have processes of their own, and what becomes of those."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator.executors.places import NoPlace, find_place
from orchestrator.sdk.registry import registry
from tests.engine import jobs
from tests.eventually import eventually
from tests.live import ROOT

CHILD_SECONDS = 90  # a new interpreter on a machine that does much else, or in a virtual one


def declare_jobs() -> None:
    for job in (*jobs.JOBS, jobs.mourn):
        registry.add(job.definition)


def begun(look: Callable[[], Any]) -> Any:
    """What the child process does first."""
    return eventually(look, within_seconds=CHILD_SECONDS)


def place() -> Path | None:
    """Where engines of this process make cgroups, if they may."""
    try:
        return find_place()
    except NoPlace:
        return None


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def doomed_engine(told: Path, *within: str, job: str = "wait_to_be_cancelled") -> "subprocess.Popen[bytes]":
    """An engine of its own, which executes a run that tells of its processes in this file."""
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    env |= {"SIGNALBOX_HOME": str(told.parent), "DJANGO_SETTINGS_MODULE": "console.settings"}
    return subprocess.Popen([*within, sys.executable, "-m", "tests.engine.doomed", str(told), job], cwd=ROOT, env=env)
