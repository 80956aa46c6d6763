"""docs/rest.md: every curl of the page is run against a server, in order, and answers what the page says."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.api.api import api
from tests.docs.page import ROOT
from tests.live import LiveServer

PAGE = (ROOT / "docs" / "rest.md").read_text()
EXAMPLE = re.compile(r"^```sh\n(curl.*?)^```\n```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [(found[1], json.loads(found[2])) for found in EXAMPLE.finditer(PAGE)]
ARTICLE = {"title": "On signals", "text": "Short.", "author": "Ada"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("rest") / "home", env={"DATABASE_URL": ""})
    yield server
    server.end()


@pytest.fixture(scope="module")
def values(server: LiveServer) -> dict[str, str]:
    """What the page's variables stand for; the reader puts in ids that were answered."""
    runs = []
    for _ in range(3):
        [event_id] = server.send("article/submitted", ARTICLE)
        runs.append(server.get(f"/api/v1/events/{event_id}/runs")["data"][0]["id"])
    names = ("WAITING_RUN_ID", "SECOND_RUN_ID", "THIRD_RUN_ID")
    return {"SIGNALBOX_URL": server.url, "SIGNALBOX_API_KEY": "sba_any", **dict(zip(names, runs, strict=True))}


def assert_like(shown: Any, answered: Any, place: str = "$") -> None:
    """What the page shows is there: the same names, types and words; ids, moments and counts may differ."""
    match shown:
        case dict():
            assert isinstance(answered, dict), place
            for name, value in shown.items():
                assert name in answered, f"{place}.{name} is not in {sorted(answered)}"
                assert_like(value, answered[name], f"{place}.{name}")
        case [first, *_]:
            assert isinstance(answered, list), place
            assert answered, place
            for item in answered[:1] if len(shown) == 1 else answered:
                assert_like(first, item, f"{place}[]")
        case str() if place.endswith(("status", "code", "type", "detail", "kind", "message", "name")):
            assert shown == answered, place
        case None:
            assert answered is None, place
        case int() | float() if place == "$.status":
            assert shown == answered, place
        case _:
            assert isinstance(answered, type(shown)), (place, shown, answered)


def test_the_page_is_true(server: LiveServer, values: dict[str, str]) -> None:
    for command, shown in EXAMPLES:
        done = subprocess.run(
            ["bash", "-euc", command], env=os.environ | values, capture_output=True, text=True, timeout=40, check=True
        )
        answered = json.loads(done.stdout)
        try:
            assert_like(shown, answered)
        except AssertionError as error:
            raise AssertionError(f"{command}\nanswers {done.stdout[:2000]}\n{error}") from error
        if "ids" in answered:
            values["EVENT_ID"] = answered["ids"][0]
        if "idempotency_key" in command:
            values["RUN_ID"] = answered["run_id"]


def test_every_operation_is_shown_and_run() -> None:
    commands = "\n".join(command for command, _ in EXAMPLES)
    asked = {re.sub(r"[?\"].*", "", path) for path in re.findall(r"\$SIGNALBOX_URL(/api\S*)", commands)}
    for path, methods in api.get_openapi_schema()["paths"].items():
        shape = re.compile(re.escape(path).replace(r"\{id\}", r"[^/]+").replace(r"\{key\}", r"[^/]+"))
        assert any(shape.fullmatch(each) for each in asked), path
        for method in methods:
            assert f"| {method.upper()} | `{path}` |" in PAGE


def test_every_filter_of_lists_is_named() -> None:
    for methods in api.get_openapi_schema()["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                assert re.search(rf"\b{parameter['name']}\b", PAGE), parameter["name"]
