"""The console in a real browser. Console errors, page errors and policy violations fail any of these."""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from console.live.hub import hub
from orchestrator.engine import bell
from orchestrator.models import Event, Run
from tests.console.factories import RunBuilder, append_step

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(180),
    # WhiteNoise is synchronous: under ASGI each of its files is read at once.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning"),
]
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}


def all_pages(console_url: str, runs: Mapping[str, Run]) -> list[str]:
    event = Event.objects.exclude(skipped=None).get()
    paths = ["/runs", "/runs?status=failed", "/events", f"/events/{event.id}", "/functions", "/login/"]
    return [f"{console_url}{path}" for path in paths] + [f"{console_url}/runs/{run.id}" for run in runs.values()]


def bells(run: Run) -> None:
    bell.ring([bell.Change(run.id, run.seq, run.status)])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_and_is_silent(page: Page, console_url, runs, scheme, size):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size(SIZES[size])
    for address in all_pages(console_url, runs):
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, console_url, runs, address, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    event = Event.objects.exclude(skipped=None).get()
    for target in [
        f"{console_url}/runs",
        address("failed"),
        address("completed"),
        f"{console_url}/events",
        f"{console_url}/events/{event.id}",
        f"{console_url}/functions",
    ]:
        page.goto(target)
        expect(page.locator("h1")).to_be_visible()
        results = Axe().run(page, options=AXE)
        assert results.violations_count == 0, f"{target}\n{results.generate_report()}"


def test_the_waterfall_is_walked_by_keyboard(page: Page, address: Callable[[str], str]):
    page.goto(address("completed"))
    grid = page.get_by_role("treegrid")
    grid.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(grid).to_have_attribute("aria-activedescendant", "row-3")
    page.keyboard.press("ArrowRight")  # charge-card has three attempts
    expect(page.locator("#row-3")).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#row-4 .row-label")).to_have_text("attempt 1")
    page.keyboard.press("Enter")
    expect(page.locator("#inspector h2")).to_have_text("charge-card")
    expect(page).to_have_url(re.compile(r"step=charge-card"))
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#row-3")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("/")
    page.keyboard.type("receipt")
    expect(page.locator(".row:not([hidden])")).to_have_count(3)


def test_a_step_link_opens_that_step_and_back_returns(page: Page, address: Callable[[str], str]):
    page.goto(f"{address('completed')}?step=ship")
    expect(page.locator("#inspector h2")).to_have_text("ship")
    page.locator(".row", has_text="cool-down").click()
    expect(page.locator("#inspector h2")).to_have_text("cool-down")
    page.go_back()
    expect(page.locator("#inspector h2")).to_have_text("ship")


def test_a_child_run_opens_inside_its_parent(page: Page, address: Callable[[str], str]):
    page.goto(address("completed"))
    page.locator(".row", has_text="ship").first.locator(".row-toggle").click()
    expect(page.locator(".row", has_text="book-carrier")).to_be_visible()


def test_a_fan_out_is_one_row_that_opens_with_its_failures_first(page: Page, address: Callable[[str], str]):
    page.goto(address("fan_out"))
    group = page.locator(".row[data-kind='group']")
    expect(group.locator(".row-badge")).to_have_text("×240 · 2 failed")
    group.locator(".row-toggle").click()
    labels = page.locator(".row-label")
    expect(page.locator(".row", has_text="resize-17")).to_be_visible()
    assert labels.all_text_contents().index("resize-17") < labels.all_text_contents().index("resize-0")
    page.get_by_role("button", name="Errors only").click()
    expect(page.locator(".row:not([hidden])")).to_have_count(3)


def test_idle_time_is_squeezed_so_that_work_can_be_read(page: Page, address: Callable[[str], str]):
    page.goto(address("completed"))
    bar = page.locator(".row", has_text="reserve-stock").locator(".bar[data-phase='completed']")
    expect(bar).to_be_visible()
    assert page.evaluate("el => el.getBoundingClientRect().width", bar.element_handle()) > 8
    expect(page.locator(".idle")).to_have_count(1)


def test_ten_thousand_steps_stay_quick_and_light(page: Page, console_url: str):
    builder = RunBuilder("process-ledger")
    for n in range(10_000):
        builder.step(f"post-{'abcdefghij'[n % 10]}{n}x", 0.01)
    page.goto(f"{console_url}/runs/{builder.save().id}")
    expect(page.locator(".row-label").first).to_have_text("process-ledger")
    expect(page.locator(".waterfall-count")).to_have_text(re.compile(r"10.000.steps"))
    page.get_by_role("treegrid").press("End")
    expect(page.locator(".row", has_text="post-j9999x")).to_be_visible()
    assert page.evaluate("document.querySelectorAll('*').length") < 1_500


def test_a_run_grows_on_screen_without_reload(page: Page, console_url: str):
    at = datetime.now(UTC) - timedelta(seconds=3)
    run = RunBuilder(at=at).step("a").save("running")
    page.goto(f"{console_url}/runs/{run.id}")
    page.evaluate("window.sameDocument = true")
    expect(page.locator("#live")).to_have_text("Live")
    append_step(run, "grown", at=at + timedelta(seconds=1))
    bells(run)
    expect(page.locator(".row", has_text="grown")).to_be_visible()
    expect(page.locator(".fact", has_text="steps")).to_contain_text("2")
    append_step(run, "last", at=at + timedelta(seconds=2))
    run.status, run.ended_at = "completed", at + timedelta(seconds=3)
    run.save()
    bells(run)
    expect(page.locator(".run-status")).to_have_text("Completed")
    expect(page).to_have_title(re.compile("Completed"))
    assert page.evaluate("window.sameDocument")


def test_a_cut_connection_comes_back_without_a_gap(page: Page, console_url: str):
    at = datetime.now(UTC) - timedelta(seconds=3)
    run = RunBuilder(at=at).step("a").save("running")
    page.goto(f"{console_url}/runs/{run.id}")
    expect(page.locator("#live")).to_have_text("Live")
    for cut in range(3):
        kick()
        for n in range(4):
            append_step(run, f"gap-{cut}-{n}", at=at + timedelta(seconds=1))
        bells(run)
        expect(page.locator(".waterfall-count")).to_have_text(re.compile(f"^{1 + 4 * (cut + 1)}.steps"))
        expect(page.locator("#live")).to_have_text("Live")
    assert page.locator(".row-label").all_text_contents().count("gap-2-3") == 1


def test_without_a_websocket_the_page_still_follows(page: Page, console_url: str, browser_complaints: list[str]):
    page.route_web_socket("**/ws/console/", lambda socket: socket.close())
    at = datetime.now(UTC) - timedelta(seconds=3)
    run = RunBuilder(at=at).step("a").save("running")
    page.goto(f"{console_url}/runs/{run.id}")
    expect(page.locator("#live")).to_have_text("Polling", timeout=15_000)
    append_step(run, "polled", at=at + timedelta(seconds=1))
    expect(page.locator(".row", has_text="polled")).to_be_visible(timeout=10_000)


def test_the_list_changes_in_place_and_announces_what_is_new(page: Page, console_url: str, runs: Mapping[str, Run]):
    page.goto(f"{console_url}/runs")
    expect(page.locator("#live")).to_have_text("Live")
    run = runs["running"]
    run.status, run.ended_at, run.seq = "completed", datetime.now(UTC), run.seq + 1
    run.save()
    bells(run)
    expect(page.locator(f"#run-{run.id} .status")).to_have_text("Completed")
    for _ in range(6):
        fresh = RunBuilder("brand-new", datetime.now(UTC)).save("queued")
    bells(fresh)
    page.get_by_role("button", name="6 new runs").click()
    expect(page.locator(".row-link", has_text="brand-new")).to_have_count(6)


def test_an_action_asks_once_more_in_place(page: Page, address: Callable[[str], str]):
    page.goto(address("running"))
    button = page.get_by_role("button", name="Cancel")
    button.click()
    expect(page.get_by_role("button", name="Cancel this run?")).to_be_visible()
    expect(page).to_have_url(address("running"))


def test_the_theme_changes_at_once_and_stays(page: Page, context: BrowserContext, console_url: str):
    page.goto(f"{console_url}/runs")
    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_navigation_and_inspector_work_on_a_phone(page: Page, console_url: str, address: Callable[[str], str]):
    page.set_viewport_size(SIZES["phone"])
    page.goto(address("failed"))
    sheet = page.locator("#inspector")
    expect(sheet).to_be_visible()
    before = sheet.bounding_box()["height"]
    page.get_by_role("button", name="Resize the inspector").click()
    page.wait_for_timeout(250)
    assert sheet.bounding_box()["height"] > before
    page.get_by_role("link", name="Close inspector").click()
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Events").click()
    expect(page).to_have_url(f"{console_url}/events")


def kick() -> None:
    """Ends every websocket from the server's side."""
    for loop, listeners in list(hub._listeners.items()):
        for listener in list(listeners):
            asyncio.run_coroutine_threadsafe(listener.close(1012), loop)
