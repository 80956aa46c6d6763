"""Stories of the run page in a real browser. Console errors, page errors and policy violations fail any of these."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from console.live.consumers import SIGNED_OUT
from console.live.hub import hub
from orchestrator.engine import bell
from orchestrator.models import Attempt, Event, Inbox, Log, Run
from tests.console.factories import RunBuilder, append_step, make_event, make_function, rich_runs
from tests.eventually import eventually

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(180),
    # WhiteNoise is synchronous: under ASGI each of its files is read at once.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning"),
]
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}


def bells(run: Run) -> None:
    bell.ring([bell.Change(run.id, run.seq, run.status)])


@pytest.fixture
def order_run(console_url: str, engine: None) -> Run:
    make_function()
    return RunBuilder().step("load").step("charge").step("ship").save("completed", event=make_event())


def test_a_run_is_replayed_from_a_step_with_an_edited_payload(page: Page, console_url: str, order_run: Run):
    page.goto(f"{console_url}/runs/{order_run.id}?step=charge")
    page.keyboard.press("Shift+R")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Replay process-order")
    expect(dialog.locator(".plan")).to_contain_text("1 step keeps its result")
    dialog.get_by_label("Begin at").select_option("ship")
    expect(dialog.locator(".plan")).to_contain_text("2 steps keep their results")
    payload = dialog.get_by_label("Payload")
    payload.fill('{"order": 1,\n "paid": NaN}')
    expect(dialog.locator(".form-said")).to_have_text("Line 2, column 10: a value is expected.")
    dialog.get_by_role("button", name="Replay").click()
    expect(dialog).to_be_visible()  # nothing was sent
    page.keyboard.press("Escape")
    expect(dialog).to_contain_text("Your edits are not sent")
    payload.fill('{"order": 1, "paid": true}')
    dialog.get_by_role("button", name="Replay").click()
    expect(page.locator(".toast")).to_contain_text("Replaying from ship, with the edited payload.")
    new = Run.objects.get(replay_of=order_run.id)
    expect(page).to_have_url(f"{console_url}/runs/{new.id}")
    assert set(Attempt.objects.filter(run=new.id, reused=True).values_list("key", flat=True)) == {"load", "charge"}
    page.get_by_role("link", name=re.compile("Replay of .* from ship by dev")).click()
    expect(page.get_by_role("link", name=re.compile("Replayed as"))).to_be_visible()


def test_an_event_is_sent_again_and_what_the_server_refuses_stands_at_the_field(
    page: Page, console_url: str, order_run: Run
):
    event = Event.objects.get()
    page.goto(f"{console_url}/events")
    page.get_by_role("link", name="Send event").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("inngest/forged")
    dialog.get_by_role("button", name="Send event").click()
    expect(dialog.get_by_role("alert")).to_contain_text("is reserved")
    expect(dialog.get_by_label("Data")).to_have_value("{}")
    page.goto(f"{console_url}/events/{event.id}")
    page.get_by_role("link", name="Send again").click()
    dialog.get_by_label("Payload").fill('{"order": 2}')
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_contain_text("with the edited payload")
    expect(page.locator(".properties")).to_contain_text("Sent by")
    expect(page).to_have_url(f"{console_url}/events/{Event.objects.get(retrigger_of=event.id).id}")


def test_a_waiting_run_gets_its_signal_from_where_it_says_that_it_waits(page: Page, console_url: str, engine: None):
    builder = RunBuilder("publish").step("approval", op="wait_for_signal", status="waiting")
    run = builder.open_wait("signal", "approval", name="approved", due=90_000).save("waiting")
    page.goto(f"{console_url}/runs/{run.id}")
    expect(page.locator(".banner")).to_contain_text("in 1 d")
    page.locator(".banner").get_by_role("link", name="Send it…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_have_value("approved")
    dialog.get_by_label("Data").fill('{"by": "ada"}')
    dialog.get_by_role("button", name="Send signal").click()
    expect(page.locator(".toast")).to_contain_text("Sent signal approved.")
    assert Inbox.objects.get(run=run.id).data["data"] == {"by": "ada"}


def test_every_form_works_without_script(page: Page, console_url: str, order_run: Run, browser: object):
    context = page.context.browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{console_url}/runs/{order_run.id}")
    plain.get_by_role("link", name="Replay", exact=True).click()
    plain.get_by_label("Begin at").select_option("charge")
    plain.get_by_role("button", name="Show").click()
    expect(plain.locator(".plan")).to_contain_text("1 step keeps its result")
    plain.get_by_label("Payload").fill("{")
    plain.get_by_role("button", name="Replay").click()
    expect(plain.locator(".form-said")).to_contain_text("Line 1, column 2")
    plain.get_by_label("Payload").fill('{"order": 3}')
    plain.get_by_role("button", name="Replay").click()
    expect(plain.get_by_role("link", name=re.compile("Replay of"))).to_be_visible()
    context.close()


def test_addresses_open_the_same_step_attempt_and_tab_and_back_returns(
    page: Page, address: Callable[[str], str], runs: dict[str, Run]
):
    page.goto(address("completed"))
    page.locator(".row", has_text="charge-card").locator(".row-toggle").click()
    page.locator(".row", has_text="attempt 1").click()
    expect(page).to_have_url(re.compile(r"step=charge-card&attempt=1"))
    page.locator("#inspector").get_by_role("link", name="Attempts").click()
    expect(page).to_have_url(re.compile(r"step=charge-card&attempt=1&tab=attempts"))
    ship = page.locator(".row-label", has_text=re.compile("^ship$"))
    page.locator(".row", has=ship).locator(".row-toggle").click()
    page.locator(".row", has_text="print-label").click()
    expect(page).to_have_url(re.compile(f"step=print-label&run={runs['child'].id}"))
    shared = page.url
    page.go_back()
    expect(page.locator("#inspector h2")).to_have_text("charge-card")
    expect(page.locator("#inspector .tab[aria-current]")).to_contain_text("Attempts")
    expect(page.locator(".row[aria-selected='true'] .row-label")).to_have_text("attempt 1")
    other = page.context.new_page()
    other.goto(shared)
    expect(other.locator("#inspector h2")).to_have_text("print-label")
    expect(other.locator(".row[aria-selected='true'] .row-label")).to_have_text("print-label")
    other.get_by_role("treegrid").focus()
    other.keyboard.press("Escape")
    expect(other.locator("#inspector")).to_be_hidden()


def test_a_thousand_children_are_one_row_with_counts_and_each_says_what_it_was_given(page: Page, console_url: str):
    parent = RunBuilder("audit-all")
    for n in range(1_000):
        status = "failed" if n == 500 else "running" if n > 997 else "completed"
        child = RunBuilder("audit", trigger="invoke", parent=parent.run.id, parent_key=f"audit:{n}")
        if n in {0, 500, 999}:
            child.save(input={"name": f"package-{n}"})
        detail = {"function": "audit", "run": child.run.id}
        parent.step(f"audit:{n}", 0.2, op="invoke", status=status, detail=detail, parallel=True)
    run = parent.log("audit:500", "broken", "ERROR").save("running")
    page.goto(f"{console_url}/runs/{run.id}")
    group = page.locator(".row[data-kind='group']")
    expect(group.locator(".row-badge")).to_have_text("×1000 · 1 failed · 2 running")
    group.locator(".row-toggle").click()
    first = page.locator(".row", has_text="audit:500")
    expect(first.locator(".row-about")).to_have_text("package-500")
    first.locator(".bar[data-phase='log'][data-level='error']").click()
    expect(page.locator("#inspector .tab[aria-current]")).to_contain_text("Logs")
    page.get_by_label("Filter steps").fill("package-999")
    expect(page.locator(".row[data-kind='step']:not([hidden])")).to_have_count(1)
    assert page.evaluate("document.querySelectorAll('*').length") < 1_500


def test_a_warning_leads_to_its_step(page: Page, console_url: str):
    run = RunBuilder().step("slow").save()
    Log.objects.create(
        run=run.id, key="slow", number=1, at=run.queued_at, level="WARNING", logger="signalbox", message="took 340 ms"
    )
    page.goto(f"{console_url}/runs/{run.id}")
    page.locator(".banner[data-kind='warning']").get_by_role("link", name="Go to slow").click()
    expect(page.locator("#inspector .log[data-level='warning']")).to_contain_text("took 340 ms")


def test_the_history_grows_while_one_looks(page: Page, console_url: str):
    at = datetime.now(UTC) - timedelta(seconds=3)
    run = RunBuilder(at=at).step("a").save("running")
    page.goto(f"{console_url}/runs/{run.id}")
    page.get_by_role("link", name="History").click()
    expect(page.locator("#live")).to_have_text("Live")
    append_step(run, "grown", at=at + timedelta(seconds=1))
    bells(run)
    expect(page.locator(f"#entry-{run.seq}")).to_contain_text("grown")
    expect(page.locator(".fact", has_text="steps")).to_contain_text("2")
    page.get_by_role("link", name=re.compile("^Step completed")).click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.locator(f"#entry-{run.seq}").get_by_role("link", name="grown").click()
    expect(page.locator("#inspector h2")).to_have_text("grown")


def test_a_server_that_drains_is_not_noticed_and_a_deleted_run_is(page: Page, console_url: str):
    run = RunBuilder(at=datetime.now(UTC)).step("a").save("running")
    page.goto(f"{console_url}/runs/{run.id}")
    pill = page.locator("#live")
    expect(pill).to_have_text("Live")
    page.evaluate("document.addEventListener('sb:live', (event) => (window.seen ??= []).push(event.detail))")
    [before] = [listener for listeners in hub._listeners.values() for listener in listeners]
    hub.farewell()
    eventually(lambda: any(before not in listeners and listeners for listeners in hub._listeners.values()))
    append_step(run, "after", at=datetime.now(UTC))
    bells(run)
    expect(page.locator(".row", has_text="after")).to_be_visible()
    assert set(page.evaluate("window.seen")) == {"live"}


def test_who_looks_at_a_run_that_is_deleted_is_told(page: Page, console_url: str, browser_complaints: list[str]):
    run = RunBuilder(at=datetime.now(UTC)).step("a").save("running")
    page.goto(f"{console_url}/runs/{run.id}")
    expect(page.locator("#live")).to_have_text("Live")
    Run.objects.filter(id=run.id).delete()
    bells(run)
    expect(page.locator(".banner")).to_contain_text("This run was deleted")
    expect(page.get_by_role("link", name="Go to the runs")).to_be_visible()
    assert all("404" in complaint for complaint in browser_complaints)
    browser_complaints.clear()


def test_the_inspector_is_as_wide_as_one_pulls_it_and_stays_so(page: Page, address: Callable[[str], str]):
    page.goto(f"{address('completed')}?step=ship")
    inspector = page.locator("#inspector")
    expect(inspector.locator("h2")).to_have_text("ship")
    before = inspector.bounding_box()["width"]
    page.get_by_role("separator").focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    page.reload()
    expect(inspector.locator("h2")).to_have_text("ship")
    assert inspector.bounding_box()["width"] == before + 80


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forms_and_history_fit_and_are_accessible(page: Page, console_url: str, order_run: Run, scheme: str):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    runs = rich_runs()
    paths = [f"/runs/{order_run.id}/replay", f"/runs/{runs['failed'].id}/history", f"/runs/{runs['waiting'].id}"]
    for path in paths:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{console_url}{path}")
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        page.set_viewport_size({"width": 1440, "height": 900})
        results = Axe().run(page, options=AXE)
        assert results.violations_count == 0, f"{path}\n{results.generate_report()}"
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_be_visible()
    results = Axe().run(page, options=AXE)
    assert results.violations_count == 0, results.generate_report()


def test_who_is_signed_out_meanwhile_is_told_and_finds_the_way_back(page: Page, console_url: str):
    run = RunBuilder(at=datetime.now(UTC)).step("a").save("running")
    page.goto(f"{console_url}/runs/{run.id}")
    expect(page.locator("#live")).to_have_text("Live")
    kick(SIGNED_OUT)
    page.locator("#live").get_by_role("link", name="sign in").click()
    expect(page.locator("#live")).to_have_text("Live")  # in development one is signed in again at once
    expect(page).to_have_url(f"{console_url}/runs/{run.id}")


def kick(code: int) -> None:
    """Ends every websocket from the server's side."""
    for loop, listeners in list(hub._listeners.items()):
        for listener in list(listeners):
            asyncio.run_coroutine_threadsafe(listener.close(code), loop)
