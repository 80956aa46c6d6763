"""What docs/flow-control.md says of limits and gates, on the functions that it declares."""

import asyncio
import re
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from orchestrator.sdk.registry import registry
from orchestrator.testing import Harness
from tests.docs.page import blocks

PAGE = blocks("docs/flow-control.md")
TESTS = [name for block in PAGE for name in re.findall(r"^def (test_\w+)", block.source, re.MULTILINE)]


async def fetch(url: str) -> str:
    await asyncio.sleep(0)
    return url


@pytest.fixture(scope="module")
def declared() -> Iterator[ModuleType]:
    """The page as a module."""
    before = {definition.id for definition in registry}
    module = ModuleType("flow_gates_page")
    vars(module)["fetch"] = fetch
    sys.modules[module.__name__] = module
    for block in PAGE:
        block.run_in(module)
    yield module
    for id in {definition.id for definition in registry} - before:
        registry.remove(id)
    del sys.modules[module.__name__]


@pytest.fixture
def harness(declared: ModuleType) -> Iterator[Harness]:
    with Harness() as harness:
        yield harness


@pytest.mark.parametrize("name", TESTS)
def test_the_tests_of_the_page_pass(name: str, declared: ModuleType) -> None:
    getattr(declared, name)()


def test_its_limited_functions_run(declared: ModuleType, harness: Harness) -> None:
    assert harness.trigger(declared.render, tenant="acme").output == "acme"
    assert harness.trigger(declared.export, plan="paid").output == "paid"
    crawled = [harness.trigger(declared.crawl, host="example.org") for _ in range(6)]
    assert [run.status for run in crawled] == [*["completed"] * 5, "queued"]
    harness.advance("1s")
    assert crawled[5].output == "example.org"


def test_its_gates_turn_away_what_they_say(declared: ModuleType, harness: Harness) -> None:
    assert [len(harness.send("sms/asked", {"phone": "1"})) for _ in range(6)] == [1, 1, 1, 1, 1, 0]
    assert [len(harness.send("order/paid", {"order": 1})) for _ in range(2)] == [1, 0]
    calls = {harness.trigger(declared.dispatch, {"order": 2}).id for _ in range(2)}
    assert len(calls) == 1
    assert [len(harness.send("shop/changed", {"shop": 1})) for _ in range(3)] == [1, 1, 0]


def test_its_batch_waits_for_others_but_not_with_what_is_fatal(declared: ModuleType, harness: Harness) -> None:
    [first] = harness.send("log/line", {"app": "a", "level": "info"})
    [second] = harness.send("log/line", {"app": "a", "level": "info"})
    [fatal] = harness.send("log/line", {"app": "a", "level": "fatal"})
    assert (first.id, fatal.output) == (second.id, 1)
    harness.advance("10s")
    assert first.output == 2
