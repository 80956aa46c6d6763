import gzip
import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestrator.models import Event, Run
from tests.console.factories import ERROR, RunBuilder, append_step, make_event, make_function, rich_runs

pytestmark = pytest.mark.django_db
PAGES = ["/runs", "/events", "/functions"]


def queries(visitor: Client, path: str) -> int:
    visitor.get(path)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert visitor.get(path).status_code == 200
    return len(captured)


@pytest.mark.parametrize("path", PAGES)
def test_a_list_asks_as_many_queries_for_fifty_rows_as_for_one(visitor, path):
    def add(number: int) -> None:
        for n in range(number):
            make_function(f"{path}-{n}-{number}")
            RunBuilder().step("a").save("failed", event=make_event(), error=ERROR)
            RunBuilder().step("b").open_wait("signal", "b", name="go").save("waiting", event=make_event())

    add(1)
    one = queries(visitor, path)
    add(25)
    assert queries(visitor, path) == one


def test_the_run_page_asks_as_many_queries_for_two_thousand_steps_as_for_one(visitor):
    small = RunBuilder().step("a").save(event=make_event())
    big = RunBuilder()
    for n in range(2_000):
        big.step(f"step-{n}")
    assert queries(visitor, f"/runs/{big.save(event=make_event()).id}") == queries(visitor, f"/runs/{small.id}")


def test_the_event_page_asks_as_many_queries_for_fifty_runs_as_for_one(visitor):
    one, many = make_event(), make_event()
    RunBuilder().step("a").save(event=one)
    for _ in range(50):
        RunBuilder().step("a").save(event=many)
    assert queries(visitor, f"/events/{many.id}") == queries(visitor, f"/events/{one.id}")


def test_pages_of_the_runs_list_neither_repeat_nor_lose_a_run(visitor):
    made = [RunBuilder().save().id for _ in range(120)]
    seen, path = [], "/runs"
    while path:
        page = visitor.get(path)
        seen += [row.run.id for row in page.context["rows"]]
        RunBuilder().save()  # runs go on arriving meanwhile
        path = f"/runs{page.context['older']}" if page.context["older"] else ""
    assert sorted(seen) == sorted(made)
    back = visitor.get(f"/runs{page.context['newer']}")
    assert [row.run.id for row in back.context["rows"]] == seen[50:100]


def test_filters_keep_each_other(visitor):
    event = make_event()
    wanted = RunBuilder("pay").step("a").save("failed", event=event, error=ERROR)
    RunBuilder("pay").save("completed", event=event)
    RunBuilder("ship").save("failed", event=event, error=ERROR)
    page = visitor.get("/runs", {"status": "failed", "function": "pay", "event": event.id})
    assert [row.run.id for row in page.context["rows"]] == [wanted.id]
    assert f"status=completed&amp;function=pay&amp;event={event.id}" in page.content.decode()


def test_child_runs_are_listed_when_asked_for(visitor):
    child = rich_runs()["child"]
    shown = {
        path: child.id in {row.run.id for row in visitor.get(path).context["rows"]}
        for path in ("/runs", "/runs?children=1", f"/runs?function={child.function}", "/runs?status=completed")
    }
    assert list(shown.values()) == [False, True, True, True]


def test_every_kind_of_run_has_a_page_that_works_without_script(visitor):
    for run in rich_runs().values():
        page = visitor.get(f"/runs/{run.id}").content.decode()
        assert run.function in page
        assert '<table class="table steps">' in page or "No steps yet" in page


def test_a_failed_run_opens_with_its_failing_step(visitor):
    page = visitor.get(f"/runs/{rich_runs()['failed'].id}").content.decode()
    assert "PaymentGatewayDown" in page
    assert "2 library frames" in page
    assert "srv/shop/payments.py" in page


def test_a_link_to_a_step_shows_that_step_in_the_first_answer(visitor):
    page = visitor.get(f"/runs/{rich_runs()['completed'].id}?step=charge-card&tab=attempts").content.decode()
    assert page.count('class="attempts-more"') == 3


def test_unknown_ids_are_named_with_a_way_out(visitor):
    missing = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for path in (f"/runs/{missing}", f"/events/{missing}", "/runs/nonsense"):
        page = visitor.get(path)
        assert page.status_code == 404
        assert path.split("/")[-1] in page.content.decode()
        assert 'href="/"' in page.content.decode()


def test_strangers_are_sent_to_the_sign_in_page():
    stranger = Client(REMOTE_ADDR="203.0.113.9")
    run = RunBuilder().save()
    for path in [*PAGES, f"/runs/{run.id}", f"/runs/{run.id}/trace", f"/runs/{run.id}/value", f"/runs/{run.id}/head"]:
        answer = stranger.get(path)
        assert (answer.status_code, answer["location"].split("?")[0]) == (302, "/login/")
    assert stranger.post(f"/runs/{run.id}/cancel").status_code == 302
    assert "Sign in" in stranger.get("/login/").content.decode()


def test_the_theme_is_remembered_and_rendered_by_the_server(visitor):
    assert visitor.post("/theme", {"theme": "dark", "next": "/runs?status=failed"})["location"] == "/runs?status=failed"
    assert 'data-theme="dark"' in visitor.get("/runs").content.decode()
    assert visitor.post("/theme", {"theme": "light", "next": "https://elsewhere.test/"})["location"] == "/"


def test_an_empty_environment_offers_the_examples(visitor):
    page = visitor.get("/runs").content.decode()
    assert 'action="/examples/document-analysis"' in page
    assert "curl http://testserver/e/dev" in page


def test_the_trace_is_gzipped_and_not_sent_twice(visitor):
    run = rich_runs()["completed"]
    answer = visitor.get(f"/runs/{run.id}/trace", headers={"accept-encoding": "gzip"})
    data = json.loads(gzip.decompress(answer.content))
    assert (data["run"]["rev"], len(data["steps"])) == (run.seq, 10)
    assert visitor.get(f"/runs/{run.id}/trace", headers={"if-none-match": answer["etag"]}).status_code == 304


def test_the_trace_since_an_entry_has_only_what_changed(visitor):
    run = RunBuilder().step("a").step("b").save("running")
    append_step(run, "c", at=run.queued_at)
    data = visitor.get(f"/runs/{run.id}/trace?since={run.seq - 1}").json()
    assert [step[0] for step in data["steps"]] == ["c"]
    assert not data["full"]


def test_text_of_a_run_cannot_leave_its_script_element(visitor):
    run = RunBuilder().step("</script><script>alert(1)</script>").save()
    assert "<script>alert(1)" not in visitor.get(f"/runs/{run.id}").content.decode()


def test_what_an_event_did_not_start_is_told_with_the_reason(visitor):
    rich_runs()
    page = visitor.get(f"/events/{Event.objects.exclude(skipped=None).get().id}").content.decode()
    assert "loyalty-points" in page
    assert "event.data.customer.member" in page


def test_a_large_output_is_cut_on_the_page_and_whole_in_the_file(visitor):
    run = RunBuilder().step("big", output=["x" * 1_000] * 200).save()
    assert "Download all" in visitor.get(f"/runs/{run.id}?step=big").content.decode()
    assert len(visitor.get(f"/runs/{run.id}/value?step=big").json()) == 200


def test_rows_asked_for_by_id_are_those_of_the_list(visitor):
    run = rich_runs()["failed"]
    rows = visitor.get("/runs/rows", {"ids": f"{run.id},nonsense"}).content.decode()
    assert rows.count("<tr") == 1
    assert f'id="run-{run.id}"' in rows
    assert Run.objects.count() > 1
