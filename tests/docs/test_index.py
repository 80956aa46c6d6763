"""docs/README.md lists every page there is."""

import re

from tests.docs.page import ROOT


def test_every_page_is_listed() -> None:
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs/README.md").read_text()))
    assert listed >= pages, f"docs/README.md does not list {sorted(pages - listed)}"


def test_anchors_lead_to_headings() -> None:
    wrong = []
    for page in (ROOT / "docs").glob("*.md"):
        for target, anchor in re.findall(r"\]\(([\w-]*(?:\.md)?)#([\w-]+)\)", page.read_text()):
            headings = re.findall(r"^#+ (.+)$", (page.parent / (target or page.name)).read_text(), re.MULTILINE)
            if anchor not in {_slug(heading) for heading in headings}:
                wrong.append(f"{page.name}: {target}#{anchor}")
    assert wrong == []


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
