"""Pictures of the running product for the docs: ``python -m scripts.screenshots`` writes docs/images/.

Starts ``manage.py dev`` in a home of its own, runs two examples, and photographs their pages in the Chromium of this
machine, wide and narrow, light and dark. An argument is another folder to write to.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.pictures import shrink
from tests.eventually import eventually
from tests.live import LiveServer
from tests.servers import find_chromium

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
# Where the tree lies on this machine is nobody's business.
SHORTER_PATHS = """(folder) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(folder, "");
}"""
EVENTS = (("document/uploaded", {"document": "license", "fail_times": 2}), ("audit/requested", {"limit": 40}))
SIZES = {1440: 900, 390: 844}  # width and height in CSS pixels
INSPECTED_FROM = 1000  # CSS pixels: below, the inspector covers the waterfall
CLOSED_ROW = "sb-waterfall [role=row][aria-expanded=false]"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@contextmanager
def product_with_runs() -> Iterator[Mapping[str, str]]:
    """Addresses of the pages to show, by the name of their picture."""
    with tempfile.TemporaryDirectory(prefix="signalbox-screenshots-") as home:
        server = LiveServer(Path(home))
        try:
            analysis, audit = (finished_run(server, name, data) for name, data in EVENTS)
            yield {
                "run": f"{server.url}/runs/{analysis}",
                "audit": f"{server.url}/runs/{audit}",
                "function": f"{server.url}/functions/audit-distribution/",
                "history": f"{server.url}/runs/{analysis}/history",
            }
        finally:
            server.stop()


def finished_run(server: LiveServer, name: str, data: object) -> str:
    """Sends an event; the id of the run that it started, once that has ended well."""
    [event] = server.send(name, data)

    def ended() -> Any:
        [run] = server.get(f"/api/v1/events/{event}/runs")["data"]
        return run["id"] if run["status"] == "completed" else None

    return str(eventually(ended, within_seconds=60, every_seconds=0.2))


def photograph(browser: Browser, address: str, path: Path) -> None:
    """One picture a width and colour scheme; ``path`` is how their names begin."""
    for (width, height), scheme in product(SIZES.items(), SCHEMES):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto(address, wait_until="networkidle")
        page.evaluate("document.fonts.ready")
        unfold(page, inspect=width > INSPECTED_FROM)
        page.evaluate(SHORTER_PATHS, f"{ROOT}/")
        page.wait_for_timeout(500)  # live parts draw once more when their websocket has spoken
        path.with_name(f"{path.name}-{width}-{scheme}.png").write_bytes(shrink(browser, page.screenshot()))
        context.close()


def unfold(page: Page, *, inspect: bool) -> None:
    """Opens the closed rows of a waterfall; selects the step that failed, if there is one."""
    for _ in range(len(page.query_selector_all(CLOSED_ROW))):
        page.locator(CLOSED_ROW).first.locator(".row-toggle").click()
    failed = page.get_by_role("row", name="analyse").first
    if inspect and failed.count():
        failed.click()


def main() -> int:
    chromium = find_chromium()
    if chromium is None:
        sys.exit("Chromium is not installed; set CHROMIUM to its path")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    with product_with_runs() as pages, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, address in pages.items():
            photograph(browser, address, folder / name)
            print(f"{name}: {address}")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
