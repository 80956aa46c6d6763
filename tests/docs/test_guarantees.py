"""Each promise of docs/guarantees.md names tests, and those tests exist."""

import ast
import re

from tests.docs.page import ROOT

PAGE = ROOT / "docs/guarantees.md"
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def promises() -> list[tuple[str, list[tuple[str, str]]]]:
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| **")]
    return [(row[1].strip(), NAMED_TEST.findall(row[2])) for row in rows]


def names_in(path: str) -> set[str]:
    """The tests that a file collects: its functions at the top, unless they are not named so."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_promise_names_a_test() -> None:
    assert len(promises()) >= 15
    assert [promise for promise, tests in promises() if not tests] == []


def test_the_tests_that_are_named_exist() -> None:
    named = {test for _, tests in promises() for test in tests}
    missing = sorted((path, name) for path, name in named if name not in names_in(path))
    assert missing == []
    assert len(NAMED_TEST.findall(PAGE.read_text())) == PAGE.read_text().count("::")
