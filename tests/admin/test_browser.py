"""The admin in a real browser: a cron is made and paused, limits and places are looked at before they are changed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.eventually import eventually
from tests.live import LiveServer

JOBS = """
from pathlib import Path

from orchestrator import Concurrency, Context, RateLimit, TaskContext, function, task
from tests.eventually import eventually

GATE = Path(__file__).with_name("gate")


def wait(held: bool) -> bool:
    return bool(eventually(GATE.exists, within_seconds=60)) if held else True


@task(flow=[Concurrency(1)])
async def render(ctx: TaskContext, held: bool = False) -> bool:
    return await ctx.step.run("wait", wait, held)


@function("sms/asked", flow=[RateLimit(2, "1h")])
async def code(ctx: Context) -> None: ...
"""


@pytest.fixture
def server(tmp_path: Path, start_server: Callable[..., LiveServer]) -> LiveServer:
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "limited_jobs.py").write_text(JOBS)
    path = f"{folder}:{Path(__file__).resolve().parents[2]}"
    return start_server(PYTHONPATH=path, SIGNALBOX_FUNCTIONS="limited_jobs", SIGNALBOX_EXAMPLES="0")


def render(server: LiveServer, *, held: bool) -> None:
    server.post("/api/v1/functions/render/trigger", {"data": {"held": held}})


def count(server: LiveServer, status: str) -> int:
    return len(server.get(f"/api/v1/runs?status={status}")["data"])


def test_an_operator_makes_a_cron_pauses_it_and_raises_a_limit(server: LiveServer, page: Page, tmp_path: Path) -> None:
    page.goto(f"{server.url}/admin/orchestrator/schedule/add/")
    page.get_by_label("Key").fill("nightly")
    page.get_by_label("Cron").fill("30 2 * * *")
    expect(page.locator("sb-schedule-reading")).to_contain_text("At 02:30 (UTC)")
    expect(page.locator("sb-schedule-reading li")).to_have_count(10)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="nightly").click()
    page.get_by_label("Note").fill("holidays")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused: holidays")).to_be_visible()

    for _ in range(3):
        render(server, held=False)
    eventually(lambda: count(server, "completed") == 3)
    for _ in range(3):
        render(server, held=True)
    eventually(lambda: count(server, "running") == 1)
    page.goto(f"{server.url}/admin/orchestrator/limit/")
    page.get_by_role("link", name="concurrency:render:0").click()
    expect(page.get_by_text("2 waiting")).to_be_visible()
    page.get_by_label("Limit").fill("3")
    page.get_by_label("Reason").fill("a sale")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("sb-chart .main-svg").first).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The limit is 3 from now on.")).to_be_visible()
    eventually(lambda: count(server, "running") == 3)
    (tmp_path / "jobs" / "gate").touch()
    eventually(lambda: count(server, "completed") == 6)


@pytest.mark.parametrize("width", [1440, 390])
def test_an_operator_sees_what_fewer_places_would_do(server: LiveServer, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for _ in range(3):
        render(server, held=False)
    eventually(lambda: count(server, "completed") == 3)
    page.goto(f"{server.url}/admin/orchestrator/limit/")
    page.get_by_role("link", name="default", exact=True).click()
    expect(page.get_by_text("500 places")).to_be_visible()
    page.get_by_label("Places of execution").fill("2")
    page.keyboard.press("Enter")
    expect(page.locator("sb-chart .main-svg").first).to_be_visible()
    expect(page.get_by_role("row", name="Places of execution 500 2")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1440, 390])
def test_an_operator_raises_a_rate_limit_after_a_look(server: LiveServer, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for _ in range(5):
        server.send("sms/asked")
    eventually(lambda: count(server, "completed") == 2)
    page.goto(f"{server.url}/admin/orchestrator/limit/")
    expect(page.get_by_text("2 of 2")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="rate_limit:code").click()
    page.get_by_label("Limit").fill("4")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("sb-chart .main-svg").first).to_be_visible()
    expect(page.get_by_role("row", name="Skipped 3 1", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_label("Reason").fill("a launch")
    page.get_by_role("button", name="Save").click()
    server.send("sms/asked")
    eventually(lambda: count(server, "completed") == 3)
