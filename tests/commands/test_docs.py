"""docs/commands.md: every line of it is one that the commands understand."""

import re
import shlex

import pytest
from django.core.management import load_command_class
from django.core.management.commands import check

from orchestrator import checks
from tests.live import ROOT

PAGE = (ROOT / "docs/commands.md").read_text()
LINES = re.findall(r"^    (?:.*\| )?manage\.py (.+)$", PAGE, re.MULTILINE)
COMMANDS = {
    "send_event",
    "trigger",
    "runs",
    "replay",
    "cancel",
    "signal",
    "pause",
    "resume",
    "keys",
    "prune",
    "doctor",
    "check",
}


@pytest.mark.parametrize("line", LINES)
def test_an_example_has_options_that_there_are(line: str) -> None:
    name, *words = shlex.split(line)
    command = check.Command() if name == "check" else load_command_class("orchestrator", name)
    command.create_parser("manage.py", name).parse_args(words)


def test_each_command_is_there() -> None:
    assert {line.split()[0] for line in LINES} == COMMANDS


def test_each_check_is_there() -> None:
    source = (ROOT / "orchestrator/checks.py").read_text()
    assert checks.TAG == "signalbox"
    assert set(re.findall(r"signalbox\.[EW]\d+", source)) == set(re.findall(r"signalbox\.[EW]\d+", PAGE))
