import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import plotly.graph_objects as go
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from plotly.offline import get_plotlyjs_version

from console.presenters import figures as figures_module
from console.presenters import function_list
from console.presenters.charts import chart
from console.presenters.figures import SPANS, figures, percent
from console.presenters.function_page import retries_text
from orchestrator.models import Run, RunData
from tests.console.factories import ERROR, NOW, RunBuilder, make_event, make_function
from tests.console.test_vendor import VENDOR

pytestmark = pytest.mark.django_db
SCHEMA = {
    "type": "object",
    "properties": {"order": {"type": "integer", "minimum": 1}, "note": {"type": "string"}},
    "required": ["order"],
}
CONFIG = {
    "retries": {"max_attempts": 4, "initial": 10.0, "factor": 2.0, "max_interval": 3600.0, "jitter": 0.2},
    "queue": "mail", "doc": "Takes an order.", "module": "shop.functions", "source_file": "/srv/shop/functions.py",
    "source_line": 41, "payload_schema": SCHEMA,
}  # fmt: skip


def took(seconds: float, *, minutes_ago: float = 1, status: str = "completed", function: str = "process-order") -> Run:
    error = ERROR if status == "failed" else None
    return RunBuilder(function, at=NOW - timedelta(minutes=minutes_ago)).step("a", seconds - 0.002).save(
        status, error=error
    )  # fmt: skip


def test_percentiles_are_those_of_completed_runs_by_nearest_rank():
    for number in range(1, 21):
        took(number)
    took(500, status="failed")
    took(9, function="ship-order")
    took(100, minutes_ago=60 * 26)
    found = figures(1, "process-order", SPANS["24h"], NOW)
    assert (found.whole.p50_us, found.whole.p95_us) == (10_000_000, 19_000_000)
    assert (found.whole.runs, found.whole.completed, found.whole.failed) == (21, 20, 1)
    assert sum(part.runs for part in found.parts) == 21


def test_each_part_of_a_span_has_its_own_figures():
    now = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    for hours_ago, seconds in ((0, 1), (0, 3), (0, 2), (23, 7), (24, 9)):
        RunBuilder(at=now - timedelta(hours=hours_ago)).step("a", seconds - 0.002).save()
    RunBuilder(at=now).save("running")
    found = figures(1, "process-order", SPANS["24h"], now)
    assert (found.parts[0].start, found.parts[-1].end) == (
        datetime(2026, 1, 30, 10, tzinfo=UTC),
        datetime(2026, 1, 31, 10, tzinfo=UTC),
    )
    assert [(n, part.runs, part.p50_us, part.p95_us) for n, part in enumerate(found.parts) if part.runs] == [
        (0, 1, 7_000_000, 7_000_000),
        (23, 4, 2_000_000, 3_000_000),
    ]
    assert found.parts[23].open == 1


def test_only_the_newest_runs_are_looked_at_and_the_page_says_so(visitor, monkeypatch):
    monkeypatch.setattr(figures_module, "MOST_RUNS", 3)
    make_function()
    old = took(9, minutes_ago=50)
    for minutes_ago in (1, 2, 3):
        took(1, minutes_ago=minutes_ago)
    page = visitor.get("/functions/process-order/")
    assert {label: figure for label, figure, _ in page.context["page"].facts}["Runs"] == "3"
    assert f"since {old.queued_at:%Y-%m-%d %H:%M:%S} UTC" in page.content.decode()


@pytest.mark.parametrize("share, text", [(None, "–"), (0, "0 %"), (0.0001, "<0.1 %"), (0.021, "2.1 %"), (1, "100 %")])
def test_a_share_is_never_rounded_to_nothing(share, text):
    assert percent(share).replace("\u00a0", " ") == text


def test_the_chart_is_one_that_plotly_knows_and_has_the_figures_of_the_table():
    took(0.25)
    took(0.25, status="failed")
    found = figures(1, "process-order", SPANS["24h"], NOW)
    drawn = chart(found, [str(n) for n in range(24)])
    figure = go.Figure(data=list(drawn["data"]), layout=drawn["layout"])  # refuses unknown properties
    median, _p95, completed, failed, *_ = figure.data
    [at] = [n for n, part in enumerate(found.parts) if part.runs]
    assert median.y[at] == 250
    assert figure.layout.yaxis.title.text == "Duration (ms)"
    assert (completed.y[at], failed.y[at], failed.customdata[at]) == (1, 1, str(at))
    assert [trace.name for trace in figure.data if trace.visible is not False] == [
        "Median", "95th percentile", "Completed", "Failed",
    ]  # fmt: skip


def test_the_vendored_plotly_is_the_one_that_checks_our_figures():
    assert (
        f'package = "plotly.js-basic-dist-min"\nversion = "{get_plotlyjs_version()}"'
        in (VENDOR / "vendor.toml").read_text()
    )


def test_a_function_page_tells_what_starts_it_and_how_it_is_set_up(visitor):
    triggers = [{"event": "order/placed", "expression": "event.data.total > 100"}, {"cron": "0 9 * * *", "tz": "UTC"}]
    make_function(triggers=triggers, config=CONFIG)
    took(1.5)
    took(1.5, status="failed")
    html = unescape(visitor.get("/functions/process-order/").content.decode())
    for said in (
        "Takes an order.", "event.data.total > 100", "At 09:00", "/srv/shop/functions.py:41", "mail",
        "4 attempts, first after 10 s, then ×2 up to 1 h", "50\u00a0%", "1.50\u00a0s", "</script>",
    ):  # fmt: skip
        assert said in html
    assert html.count('class="until"') == 5
    assert html.count('<tr id="run-') == 2


def test_the_table_twin_has_the_chart_s_figures_and_leads_to_the_runs(visitor):
    make_function()
    run = took(1.5)
    html = visitor.get("/functions/process-order/").content.decode()
    href = re.search(r'<td><a href="(/runs[^"]+)"', html)
    assert href
    assert run.id in visitor.get(unescape(href[1])).content.decode()
    data = re.search(r"<script[^>]*application/json[^>]*>(.*?)</script>", html, re.DOTALL)
    assert data
    assert json.loads(data[1])["data"][2]["customdata"].count(unescape(href[1])) == 1


def test_a_function_without_runs_or_configuration_has_a_page_too(visitor):
    make_function("process-order/on-failure", config={}, triggers=[{"cron": "no cron", "tz": "Nowhere"}])
    page = visitor.get("/functions/process-order/on-failure/").content.decode()
    assert "It never ran." in page
    assert "No run was queued in this time." in page
    assert "plotly" not in page
    assert visitor.get("/functions/process-order/on-failure/?span=nonsense").status_code == 200


def test_a_removed_function_is_shown_without_its_form(visitor):
    make_function(removed_at=NOW, config=CONFIG)
    page = visitor.get("/functions/process-order/").content.decode()
    assert "Its code went away" in page
    assert "<textarea" not in page


def test_the_form_begins_with_a_payload_that_fits_the_schema(visitor):
    make_function(config=CONFIG)
    page = visitor.get("/functions/process-order/")
    assert json.loads(page.context["form"]["payload"].value()) == {"order": 1}


@pytest.mark.parametrize(
    "typed, said",
    [
        ("", "Nothing is here"),
        ('{"a": }', "Line 1, column 7"),
        ("[1]", "a list: an object is needed"),
        ('{"a": NaN}', "Line 1"),
        ("[" * 2000, "levels deep"),
        ("\0", "Line 1"),
    ],
)
def test_what_is_wrong_with_a_payload_is_said_at_the_field(visitor, typed, said):
    make_function("greet")
    answer = visitor.post("/functions/greet/", {"payload": typed})
    assert answer.status_code == 422
    html = unescape(answer.content.decode())
    assert said in re.search(r'id="id_payload_said".*?</p>', html, re.DOTALL)[0]
    assert 'aria-invalid="true"' in html
    assert Run.objects.count() == 0


def test_a_run_starts_with_what_was_typed_and_a_refusal_is_said_at_the_field(visitor, engine):
    make_function("greet")
    answer = visitor.post("/functions/greet/", {"payload": '{"name": "Ada"}'})
    run = Run.objects.get()
    assert answer["location"] == f"/runs/{run.id}"
    assert (run.function, run.trigger, RunData.objects.get().input) == ("greet", "call", {"name": "Ada"})
    make_function("unheard-of")  # after this process has read which functions there are
    answer = visitor.post("/functions/unheard-of/", {"payload": "{}"})
    assert answer.status_code == 422
    assert "No function &#x27;unheard-of&#x27; is registered" in answer.content.decode()


def test_an_unknown_function_is_named_with_a_way_out(visitor):
    page = visitor.get("/functions/nope/nothing/")
    assert page.status_code == 404
    assert "nope/nothing" in page.content.decode()
    assert visitor.get("/functions/a%00b/").status_code == 404


def test_functions_are_found_by_a_text_in_their_id_or_description(visitor):
    make_function("ship-order", config={"doc": "Books a Carrier."})
    make_function("pay")
    assert [row.function.slug for row in visitor.get("/functions?q=carrier").context["found"].rows] == ["ship-order"]
    assert [row.function.slug for row in visitor.get("/functions?q=PAY").context["found"].rows] == ["pay"]
    assert "None has “%00&lt;b&gt;”" in visitor.get("/functions?q=%2500<b>").content.decode()


def test_the_function_page_asks_as_many_queries_for_fifty_runs_as_for_one(visitor):
    make_function(config=CONFIG)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert visitor.get("/functions/process-order/?span=7d").status_code == 200
        return len(captured)

    def add(number: int) -> None:
        for n in range(number):
            took(n + 1, minutes_ago=n * 100)
            RunBuilder().save("failed", event=make_event(), error=ERROR)
            RunBuilder().open_wait("signal", "b", name="go").save("waiting", event=make_event())

    add(1)
    queries()
    one = queries()
    add(25)
    assert queries() == one


@pytest.mark.parametrize(
    "policy, text",
    [
        ({"max_attempts": 1}, "1 attempt, never tried again"),
        ({"max_attempts": 3, "initial": 1.0, "factor": 1.0}, "3 attempts, first after 1 s"),
        ({"max_attempts": 3}, "3 attempts"),
        (None, "–"),
    ],
)
def test_a_retry_policy_is_a_sentence(policy, text):
    assert retries_text(policy) == text


def test_the_list_counts_a_day_and_shows_the_last_run_whenever_it_was():
    make_function("process-order", triggers=[{"cron": "30 2 * * *", "tz": "UTC"}])
    make_function("ship-order", triggers=[])
    make_function("idle")
    for status in ("completed", "completed", "completed", "failed", "cancelled"):
        took(1, status=status)
    last = took(1, minutes_ago=60 * 24 * 40, function="ship-order")
    found = {row.function.slug: row for row in function_list.functions(1, NOW).rows}
    order = found["process-order"]
    assert (order.runs, order.failed, order.rate.replace("\u00a0", " ")) == (5, 1, "25 %")
    assert order.triggers[0].next
    assert NOW < order.triggers[0].next <= NOW + timedelta(days=1)
    assert order.bars.count("M") >= 1
    assert (found["ship-order"].runs, found["ship-order"].last, found["ship-order"].triggers[0].kind) == (
        0,
        last,
        "call",
    )
    assert found["idle"].last is None


def test_the_list_says_when_it_counted_only_the_newest(visitor, monkeypatch):
    monkeypatch.setattr(function_list, "MOST_RUNS", 2)
    make_function()
    for minutes_ago in (1, 2, 3):
        took(1, minutes_ago=minutes_ago)
    page = visitor.get("/functions")
    assert page.context["found"].rows[0].runs == 2
    assert "the figures count those since" in page.content.decode()
