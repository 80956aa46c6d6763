import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from console.live.feeds import RunListFeed, open_feed
from console.presenters.run_filters import Filters
from console.presenters.run_list import count
from orchestrator.core.ops import Status
from tests.console.factories import ERROR, NOW, RunBuilder, make_event, make_function

pytestmark = pytest.mark.django_db


def ids(page):
    return [row.run.id for row in page.context["rows"]]


def test_every_filter_is_in_the_address_and_a_chip_removes_only_itself(visitor):
    event = make_event("order/placed")
    wanted = RunBuilder("pay").save("failed", event=event, error=ERROR)
    RunBuilder("pay").save("failed", event=make_event("order/paid"), error=ERROR)
    address = "/runs?status=failed&status=timed_out&function=pay&event_name=order%2Fplaced&since=24h&error=gateway"
    page = visitor.get(address)
    assert ids(page) == [wanted.id]
    assert page.context["count"] == "1"
    chips = {(chip.word, chip.value): chip.without for chip in page.context["chips"]}
    assert list(chips) == [
        ("status", "Failed"), ("status", "Timed out"), ("function", "pay"), ("event", "order/placed"),
        ("since", "24 hours ago"), ("error has", "“gateway”"),
    ]  # fmt: skip
    assert chips["event", "order/placed"] == address.removeprefix("/runs").replace("&event_name=order%2Fplaced", "")
    assert len(ids(visitor.get(f"/runs{chips['event', 'order/placed']}"))) == 2
    assert page.context["filters"].query() == address.removeprefix("/runs")


def test_the_chip_of_a_function_that_is_registered_leads_to_its_page(visitor):
    make_function("pay")
    RunBuilder("pay").save()
    assert 'href="/functions/pay/"' in visitor.get("/runs?function=pay").content.decode()
    assert "/functions/gone/" not in visitor.get("/runs?function=gone").content.decode()


def test_a_tab_is_the_statuses_it_stands_for(visitor):
    retrying = RunBuilder().save("retrying")
    RunBuilder().save("failed", error=ERROR)
    tab = next(tab for tab in visitor.get("/runs").context["tabs"] if tab.name == "running")
    page = visitor.get(f"/runs{tab.href}")
    assert ids(page) == [retrying.id]
    assert 'data-tab="running" aria-current="page"' in page.content.decode()


def test_a_time_is_said_in_utc_and_stays_in_its_field(visitor):
    RunBuilder(at=NOW - timedelta(hours=3)).save()
    page = visitor.get(f"/runs?since={NOW - timedelta(hours=4):%Y-%m-%dT%H:%M:%SZ}").content.decode()
    assert f"{NOW - timedelta(hours=4):%Y-%m-%d %H:%M:%S} UTC" in page
    assert f'value="{NOW - timedelta(hours=4):%Y-%m-%dT%H:%M:%S}"' in page
    assert ids(visitor.get("/runs?since=1h")) == []


def test_a_field_left_empty_does_not_hide_the_moment_of_the_address():
    assert Filters.read(1, QueryDict("since=24h&since=&until=&function=+&status=")).query() == "?since=24h"


@pytest.mark.parametrize(
    "query, field, said",
    [
        ("status=done", "status", "“done” is no status of a run"),
        ("status=lost", "status", "no status of a run"),  # of attempts only
        ("since=yesterday", "since", "is no moment: write"),
        ("until=2026-02-30", "until", "is no moment"),
        ("since=1h&until=2h", "until", "ends before it begins"),
        ("event=nonsense", "event", "is not an id"),
        ("error=a%00b", "error", "NUL"),
        (f"function={'x' * 300}", "function", "at most 200 characters"),
        (f"event_name={'%F0%9F%90%8D' * 600}", "event_name", "too long"),
    ],
)
def test_what_is_wrong_with_a_filter_is_said_at_it(visitor, query, field, said):
    RunBuilder().save()
    page = visitor.get(f"/runs?function=a&{query}")
    assert page.status_code == 400
    html = unescape(page.content.decode())
    fault = re.search(f'id="fault-{field}">.*?</p>', html)
    assert fault
    assert said in fault[0]
    assert "Remove this filter" in fault[0]
    assert visitor.get(f"/runs{page.context['faults'][0].without}").status_code == 200
    assert "sb-live-list" not in html.replace("</sb-live-list>", "").partition("<main")[2]


def test_an_empty_list_names_the_filter_that_matches_nothing(visitor):
    RunBuilder("pay").save(event=make_event("order/placed"))
    page = visitor.get("/runs?function=pay&event_name=order/paied").content.decode()
    assert "No run was started by an event named order/paied." in page
    assert 'href="?function=pay"' in page
    RunBuilder("ship").save(event=make_event("order/paied"))
    assert "all together none" in visitor.get("/runs?function=pay&event_name=order/paied").content.decode()


def test_counts_are_honest():
    for _ in range(100):
        RunBuilder().save("failed", error=ERROR)
    assert count(Filters(1, (Status.FAILED,))) == "100"
    RunBuilder().save("failed", error=ERROR)
    assert count(Filters(1, (Status.FAILED,))) == "100+"


def test_a_page_beyond_the_last_run_leads_back(visitor):
    run = RunBuilder().save()
    page = visitor.get(f"/runs?before={run.id}").content.decode()
    assert "No older runs" in page
    assert "Run both examples" not in page


def test_filtered_lists_ask_a_constant_number_of_queries(visitor):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page = visitor.get("/runs?event_name=order/placed&status=failed&error=gateway&since=7d")
            assert ids(page)
        return len(captured)

    def add(number: int) -> None:
        for n in range(number):
            make_function(f"f-{n}-{number}")
            RunBuilder().save("failed", event=make_event("order/placed"), error=ERROR)

    add(51)
    queries()
    before = queries()
    assert before <= 18
    add(25)
    assert queries() == before


def test_the_live_feed_filters_as_the_page_does():
    feed = open_feed(1, "runs:?status=failed&status=timed_out&error=gateway", {})
    assert isinstance(feed, RunListFeed)
    RunBuilder().save("failed", error=ERROR)
    RunBuilder().save("failed", error={"type": "ValueError", "message": "no", "traceback": ""})
    RunBuilder().save("timed_out", error=ERROR)
    frame = feed.read()
    assert frame
    assert frame["new"] == 2
    assert open_feed(1, "runs:?" + "a=1&" * 1500, {}) is None
