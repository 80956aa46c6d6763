"""docs/expressions.md: each expression of its tables has the value that stands beside it, and nothing is left out."""

import json
import re

import pytest

from orchestrator.core import operators, parser, patterns
from orchestrator.core.expressions import compile_expression
from orchestrator.core.functions import CLOCKS, FUNCTIONS
from orchestrator.core.macros import MAX_STEPS
from orchestrator.core.syntax import MACROS
from orchestrator.engine.journal.waits import SLICE
from tests.docs.page import ROOT

PAGE = (ROOT / "docs" / "expressions.md").read_text()
EVENT = {"name": "shop/paid", "ts": 1795363200000, "data": {"n": 5, "nothing": None}}
CODE = re.compile(r"`([^`]+)`")


def examples() -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    in_table = False
    for line in PAGE.splitlines():
        if line.startswith("| expression | value |"):
            in_table = True
        elif not line.startswith("|"):
            in_table = False
        elif in_table and not line.startswith("|---"):
            texts, values = (CODE.findall(cell.replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", line)[1:3])
            found += zip(texts, map(json.loads, values), strict=True)
    return found


@pytest.mark.parametrize("text, value", examples())
def test_an_expression_of_the_page_has_its_value(text: str, value: object) -> None:
    assert compile_expression(text).evaluate({"event": EVENT}) == value


def test_every_function_and_limit_is_on_the_page() -> None:
    assert len(examples()) > 80
    named = {*FUNCTIONS, *CLOCKS, *MACROS, "has"}
    assert not [name for name in named if not re.search(rf"\b{name}\(", PAGE)]
    limits = (parser.MAX_LENGTH, MAX_STEPS, operators.LONGEST_TEXT, patterns.LONGEST_PATTERN, SLICE)
    assert not [limit for limit in limits if f"{limit:,}" not in PAGE]
    assert f"| {parser.MAX_DEPTH} |" in PAGE
