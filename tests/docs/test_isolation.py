"""The functions on docs/isolation.md are declared and run, and its table tells the truth."""

import re
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from orchestrator.core.machines import PRESETS, size_text
from orchestrator.sdk.registry import registry
from orchestrator.testing import Harness
from tests.docs.page import ROOT, blocks

PAGE = "docs/isolation.md"


@pytest.fixture(scope="module")
def jobs() -> Iterator[ModuleType]:
    """The functions of the page."""
    before = {definition.id for definition in registry}
    module = ModuleType("isolation_page")
    sys.modules[module.__name__] = module
    for block in blocks(PAGE):
        block.run_in(module)
    yield module
    for declared in {definition.id for definition in registry} - before:
        registry.remove(declared)
    del sys.modules[module.__name__]


@pytest.mark.django_db
def test_its_functions_do_what_it_says(jobs: ModuleType) -> None:
    with Harness() as h:
        assert h.trigger(jobs.index_book, "a few words here").output == 4
        assert h.trigger(jobs.train, 3).output == "trained"
        assert h.trigger(jobs.read_archive, 4).output == 6


def test_its_options_are_those_of_the_definitions(jobs: ModuleType) -> None:
    limits = jobs.train.definition.limits
    assert (limits.machine.cpu, size_text(limits.machine.memory_bytes)) == (1.5, "3 GB")
    assert limits.max_duration.total_seconds() == 7200
    assert jobs.read_archive.definition.limits.larger is PRESETS["large-1x"]


def test_its_table_of_presets_is_complete() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| ([\d.]+) \| ([\d]+ [MG]B) \|$", (ROOT / PAGE).read_text(), re.MULTILINE)
    assert rows == [(name, f"{m.cpu:g}", size_text(m.memory_bytes)) for name, m in PRESETS.items()]
