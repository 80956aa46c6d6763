"""docs/examples.md shows the code that runs, and its commands start what they say."""

import json
import re
from pathlib import Path

import pytest

from examples.stories import STORIES
from orchestrator.sdk.registry import registry
from orchestrator.testing import Harness
from tests.docs.page import ROOT

PAGE = (ROOT / "docs" / "examples.md").read_text()
LINKED_CODE = re.compile(r"\]\(\.\./((?:examples|tests)/[\w/]+\.py)\)|^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EVENT_COMMAND = re.compile(r"""^    curl -d '(\{"name".*\})' \S+/e/dev$""", re.MULTILINE)
TRIGGER_COMMAND = re.compile(r"/api/v1/functions/([\w-]+)/trigger$", re.MULTILINE)


def code_blocks() -> list[tuple[Path, str]]:
    """Each block with the file that was linked last before it."""
    file, found = "", []
    for linked, block in LINKED_CODE.findall(PAGE):
        file = linked or file
        if block:
            found.append((ROOT / file, block))
    return found


@pytest.mark.parametrize("file, block", code_blocks(), ids=lambda value: getattr(value, "name", ""))
def test_a_block_is_the_real_code(file: Path, block: str) -> None:
    assert block.strip() in file.read_text()


def test_the_page_tells_every_story() -> None:
    assert {file.relative_to(ROOT).as_posix() for file, _ in code_blocks()} >= {story.source for story in STORIES}


@pytest.mark.django_db
@pytest.mark.parametrize("command", EVENT_COMMAND.findall(PAGE))
def test_a_command_sends_an_event_that_a_function_takes(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLM_BASE_URL", raising=False)
    sent = json.loads(command)
    with Harness(database="default", stubs={"list-files": [], "list-distributions": []}) as harness:
        runs = harness.send(sent["name"], sent["data"])
    waited_for = {story.reply.event for story in STORIES if story.reply}
    assert sent["name"] in waited_for or [run for run in runs if run.status != "failed"]


def test_the_functions_that_are_called_by_name_are_there() -> None:
    assert TRIGGER_COMMAND.findall(PAGE)
    assert {name for name in TRIGGER_COMMAND.findall(PAGE) if registry.find(name) is None} == set()
