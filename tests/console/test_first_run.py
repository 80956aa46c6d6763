"""A newcomer's first minutes with the console, on a real engine."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.live import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_the_examples_start_by_one_click_and_their_runs_grow_to_completion(page: Page, server: LiveServer):
    page.goto(server.url)
    expect(page).to_have_url(f"{server.url}/runs")
    page.get_by_role("button", name="Analyse a licence").click()
    expect(page.locator(".run-status")).to_be_visible()
    page.evaluate("window.sameDocument = true")
    expect(page.locator(".run-status")).to_have_text("Completed", timeout=30_000)
    analysis = page.locator(".row", has_text="analyse").first
    expect(analysis.locator(".row-badge")).to_have_text("3×")
    expect(page.locator(".row", has_text="save-result")).to_be_visible()
    assert page.evaluate("window.sameDocument")

    analysis.click()
    page.locator(".inspector-tabs").get_by_role("link", name="Attempts").click()
    expect(page.locator(".attempts .status", has_text="Failed")).to_have_count(2)

    page.get_by_role("link", name="document/uploaded").click()
    expect(page.locator(".outcome")).to_have_count(1)
    page.get_by_role("link", name="document-analysis").click()
    page.get_by_role("link", name="Replay", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    expect(page.locator(".toast")).to_contain_text("Replaying from the start.")
    page.get_by_role("link", name="Replay of").click()
    expect(page.get_by_role("link", name="Replayed as")).to_be_visible()


def test_a_refusal_of_the_engine_is_a_message_and_no_error_page(page: Page, server: LiveServer):
    page.goto(server.url)
    page.get_by_role("button", name="Analyse a licence").click()
    expect(page.locator(".run-status")).to_have_text("Completed", timeout=30_000)
    address = page.url
    token = page.evaluate("document.querySelector('[name=csrfmiddlewaretoken]').value")
    answer = page.request.post(f"{address}/cancel", form={"csrfmiddlewaretoken": token}, headers={"referer": address})
    assert answer.status == 200
    assert re.search(r"data-level=\"error\".*?<p>.+?</p>", answer.text(), re.DOTALL)
