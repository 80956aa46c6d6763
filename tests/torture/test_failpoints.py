"""Failpoints: where they fire, and that they are not there in production."""

import os
import subprocess
import sys

import pytest

from orchestrator.engine.journal import failpoints

ARMED = "from orchestrator.engine.journal import failpoints; failpoints.hit('here', lambda: print('cut'))"


@pytest.mark.parametrize(
    "armed, fires_at",
    [
        ("here=cut", [1]),
        ("here=cut@3", [3]),
        ("here=cut/3", [3, 6, 9]),
        ("elsewhere=cut", []),
    ],
)
def test_a_failpoint_fires_when_it_is_told_to(armed: str, fires_at: list[int]) -> None:
    fired: list[int] = []
    failpoints.arm(armed)
    try:
        for n in range(1, 11):
            failpoints.hit("here", lambda n=n: fired.append(n))  # type: ignore[misc]
    finally:
        failpoints.arm("")
    assert fired == fires_at


@pytest.mark.parametrize("env, said", [("development", "cut\n"), ("production", "")])
def test_there_are_no_failpoints_in_production(env: str, said: str) -> None:
    environment = os.environ | {"SIGNALBOX_ENV": env, failpoints.VARIABLE: "here=cut"}
    done = subprocess.run([sys.executable, "-c", ARMED], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == said
