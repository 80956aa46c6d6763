"""Schedules in a real browser: a range is made up for after a look, a pause says why. By keyboard, wide and narrow."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.console.test_browser import AXE
from tests.eventually import eventually
from tests.live import LiveServer

SYNC = """
from orchestrator import Context, Every, function


@function(on=Every("12h", tz="Asia/Tokyo"))
async def sync(ctx: Context) -> None: ...
"""


@pytest.fixture
def server(tmp_path: Path, start_server: Callable[..., LiveServer]) -> LiveServer:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "sync_code.py").write_text(SYNC)
    return start_server(PYTHONPATH=str(folder), SIGNALBOX_FUNCTIONS="sync_code", SIGNALBOX_EXAMPLES="0")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_range_is_backfilled_after_a_look(server: LiveServer, page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server.url}/schedules")
    page.get_by_role("link", name="Backfill").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Backfill sync")
    expect(dialog.get_by_label("From")).to_be_focused()
    expect(dialog.get_by_text("would be started")).to_contain_text("2 ticks: 2 runs")
    dialog.get_by_label("From").fill("2026-01-05T00:00")
    dialog.get_by_label("To, included").fill("2026-01-04T00:00")
    page.keyboard.press("Tab")
    expect(dialog.get_by_text("This is before the beginning.")).to_be_visible()
    dialog.get_by_label("To, included").fill("2026-01-06T00:00")
    page.keyboard.press("Tab")
    expect(dialog.get_by_text("would be started")).to_contain_text("2 ticks: 2 runs")
    expect(dialog.get_by_text("This is before the beginning.")).to_be_hidden()
    assert not Axe().run(page, options=AXE).response["violations"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dialog.get_by_label("Its runs").select_option("allow")
    dialog.get_by_role("button", name="Start them").click()
    expect(page.get_by_text("Backfilled sync: 2 started.")).to_be_visible()
    eventually(lambda: len(server.get("/api/v1/runs?status=completed")["data"]) == 2)
    assert not Axe().run(page, options=AXE).response["violations"]


def test_a_pause_says_why_and_its_end_is_one_click(server: LiveServer, page: Page) -> None:
    page.goto(f"{server.url}/schedules")
    page.get_by_role("link", name="Pause").click()
    page.get_by_label("Note").fill("on holiday")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Paused sync.")).to_be_visible()
    expect(page.get_by_text("on holiday")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Resumed sync.")).to_be_visible()
    expect(page.get_by_text("on holiday")).to_be_hidden()
