"""The lists and the function page in a real browser: each test is a story. Complaints of the browser fail it."""

import re
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.console.factories import ERROR, NOW, RunBuilder, make_event, make_function
from tests.console.test_browser import AXE
from tests.console.test_function_page import CONFIG
from tests.console.test_overdue import make_late

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(180),
    # WhiteNoise is synchronous: under ASGI each of its files is read at once.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning"),
]


def some_runs() -> None:
    for hours_ago in range(6):
        at = NOW - timedelta(hours=hours_ago)
        RunBuilder("pay", at=at).step("a", 0.4).save("completed", event=make_event("order/placed", at=at))
        RunBuilder("pay", at=at).step("a", 0.2).save("failed", event=make_event("order/paid", at=at), error=ERROR)
    make_function("pay", config=CONFIG)


def test_a_failure_is_found_by_keyboard_and_the_address_says_how(page: Page, console_url: str):
    some_runs()
    page.goto(f"{console_url}/runs")
    page.keyboard.press("/")
    page.keyboard.type("gateway")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{console_url}/runs?error=gateway")
    expect(page.locator(".chips-count")).to_have_text("6 runs")
    page.get_by_label("Function", exact=True).select_option("pay")
    expect(page).to_have_url(f"{console_url}/runs?error=gateway&function=pay")
    page.locator("summary", has_text="Status").click()
    page.get_by_role("checkbox", name="Failed").check()
    page.get_by_role("checkbox", name="Timed out").check()
    page.get_by_role("button", name="Show these").click()
    expect(page.locator(".chip")).to_have_count(4)
    page.locator("summary", has_text="Time").click()
    page.get_by_role("link", name="Last hour").click()
    expect(page.locator(".chips-count")).to_have_text("1 run")
    page.get_by_role("link", name="Remove the filter since").click()
    page.get_by_role("link", name="Remove the filter status Timed out").click()
    expect(page).to_have_url(f"{console_url}/runs?status=failed&function=pay&error=gateway")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    for key in ("j", "j", "k", "j"):
        page.keyboard.press(key)
    expect(page.locator("tbody tr").nth(1).locator(".row-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/runs/[0-9A-Z]{26}$"))


def test_a_lost_feed_is_told_calmly_and_comes_back_when_asked(page: Page, console_url: str):
    lost = True
    page.route_web_socket("**/ws/console/", lambda socket: socket.close() if lost else socket.connect_to_server())
    some_runs()
    page.goto(f"{console_url}/runs")
    banner = page.locator("#feed-lost")
    expect(banner).to_be_visible(timeout=10_000)
    lost = False
    banner.get_by_role("button", name="Try again").click()
    expect(page.locator("#live")).to_have_text("Live")
    expect(banner).to_be_hidden()


def test_a_function_page_draws_its_figures_in_the_colours_of_the_page(page: Page, console_url: str):
    some_runs()
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto(f"{console_url}/functions/pay/")
    chart = page.get_by_role("img", name="pay in the last 24 hours: 12 runs, 6 failed")
    expect(chart.locator(".bars .point")).to_have_count(48)
    bar = chart.locator(".trace.bars").first.locator(".point path").last
    before = bar.evaluate("bar => getComputedStyle(bar).fill")
    page.get_by_role("button", name="Dark theme").click()
    expect(bar).not_to_have_css("fill", before)
    table = page.get_by_role("region", name="Figures as a table")
    expect(table).to_be_hidden()
    page.get_by_text("The same as a table").click()
    table.get_by_role("link").last.click()
    expect(page.locator(".chips-list")).to_contain_text("until")
    expect(page.locator("tbody tr")).to_have_count(2)


def test_a_bad_payload_is_not_sent(page: Page, console_url: str):
    some_runs()
    page.goto(f"{console_url}/functions/pay/")
    page.get_by_role("textbox", name="Payload").fill('{"order": }')
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".form-said")).to_contain_text("Line 1, column 11")
    expect(page.get_by_role("textbox", name="Payload")).to_have_attribute("aria-invalid", "true")
    expect(page).to_have_url(f"{console_url}/functions/pay/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_hangs_over_on_a_phone(page: Page, console_url: str, scheme):
    some_runs()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for path in ("/runs?status=failed&since=24h&error=gateway", "/functions/pay/"):
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{console_url}{path}")
        for menu in page.locator("details").all()[:1]:
            menu.evaluate("menu => { menu.open = true; }")
        results = Axe().run(page, options=AXE)
        assert results.violations_count == 0, f"{path}\n{results.generate_report()}"
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


@pytest.mark.parametrize("width", [1440, 390])
def test_a_person_sees_what_is_overdue(page: Page, console_url: str, width: int):
    make_late()
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{console_url}/functions")
    expect(page.get_by_text("overdue since")).to_be_visible()
    page.get_by_role("link", name="nightly-report").click()
    expect(page.get_by_text("Overdue", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not Axe().run(page, options=AXE).response["violations"]
