"""docs/quickstart.md, followed step by step: its files, its commands, what it says will happen."""

import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.request import Request, urlopen

import pytest

from orchestrator.sdk.registry import registry
from tests.docs.page import ROOT, commands, named_blocks
from tests.eventually import eventually
from tests.live import LiveServer

PAGE = "docs/quickstart.md"
START, CURL, KILL, TEST = commands(PAGE)
FILES = dict(named_blocks(PAGE))


@pytest.fixture
def server(start_server: Callable[..., LiveServer], tmp_path: Path) -> LiveServer:
    """What the page's first command starts, with the page's file in a folder of the test's own."""
    (tmp_path / "hello.py").write_text(FILES["hello.py"])
    variable, *command = shlex.split(START)
    assert command == ["make", "dev"]
    name, _, value = variable.partition("=")
    return start_server(supervised=True, PYTHONPATH=str(tmp_path), SIGNALBOX_EXAMPLES="off", **{name: value})


def curl(server: LiveServer) -> str:
    """Does what the page's curl does; the run that it started."""
    program, option, body, address = shlex.split(CURL)
    assert (program, option) == ("curl", "-d")
    request = Request(address.replace("http://127.0.0.1:8000", server.url), body.encode())
    with urlopen(request, timeout=30) as response:
        answer = json.load(response)
    assert re.fullmatch(r"\{'ids': \['01\w{24}'\], 'status': 200\}", str(answer))
    [run] = eventually(lambda: server.get(f"/api/v1/events/{answer['ids'][0]}/runs")["data"], within_seconds=20)
    return str(run["id"])


def in_status(server: LiveServer, run: str, status: str) -> Any:
    def look() -> Any:
        found = server.get(f"/api/v1/runs/{run}")
        return found if found["status"] == status else None

    return eventually(look, within_seconds=40, every_seconds=0.1)


def test_a_reader_sees_the_run_outlive_a_kill(server: LiveServer) -> None:
    run = curl(server)
    in_status(server, run, "sleeping")
    assert shlex.split(KILL)[:2] == ["pkill", "-9"]
    os.kill(server.engine_pid, signal.SIGKILL)
    eventually(lambda: "The server was ended by SIGKILL. Starting it again." in server.output(), within_seconds=20)
    ended = in_status(server, run, "completed")
    assert ended["output"] == "Hello, Ada!"
    attempts = {step["id"]: len(step["attempts"]) for step in ended["steps"]}
    assert (attempts["compose"], attempts["deliver"]) == (1, 1)


@pytest.fixture
def hello() -> Iterator[ModuleType]:
    modules = {name.removesuffix(".py"): ModuleType(name.removesuffix(".py")) for name in FILES}
    sys.modules.update(modules)
    try:
        for name, module in modules.items():
            exec(compile(FILES[f"{name}.py"], str(ROOT / PAGE), "exec"), vars(module))
        yield modules["test_hello"]
    finally:
        registry.remove("greet")
        for name in modules:
            del sys.modules[name]


def test_the_test_of_the_page_passes(hello: Any) -> None:
    assert "pytest -q test_hello.py" in TEST
    hello.test_ada_is_greeted()
