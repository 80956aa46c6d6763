"""What docs/flow-control.md says of events that cancel, of timeouts and of pauses."""

import asyncio
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from orchestrator.sdk.registry import registry
from orchestrator.testing import Harness
from tests.docs.page import blocks

PAGE = "docs/flow-control.md"


async def fetch(url: str) -> str:
    await asyncio.sleep(0)
    return f"read {url}"


@pytest.fixture(scope="module")
def told() -> Iterator[ModuleType]:
    """The functions of the page."""
    before = {definition.id for definition in registry}
    module = ModuleType("flow_control_page")
    module.__dict__["fetch"] = fetch
    sys.modules[module.__name__] = module
    for block in blocks(PAGE):
        block.run_in(module)
    yield module
    for declared in {definition.id for definition in registry} - before:
        registry.remove(declared)
    del sys.modules[module.__name__]


@pytest.mark.django_db
def test_its_functions_are_declared_and_run(told: ModuleType) -> None:
    with Harness() as h:
        assert h.trigger(told.refresh, "https://example.org").output == "read https://example.org"
        assert h.trigger(told.transcode).status == "completed"
    rule, limits = told.ship.definition.flow.cancel_on[0], told.transcode.definition.flow.timeouts
    assert (rule.event, rule.match, rule.timeout) == ("order/cancelled", "data.order", 259_200)
    assert (limits.start, limits.finish) == (600, 7200)
