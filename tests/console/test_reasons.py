from datetime import timedelta

import pytest
from django.test import Client

from orchestrator.models import Function, Journal, Log, Run, RunData, Worker
from tests.console.factories import ERROR, NOW, RunBuilder, fresh_id, make_event, rich_runs

pytestmark = pytest.mark.django_db


def page_of(visitor: Client, run: Run) -> str:
    return visitor.get(f"/runs/{run.id}").content.decode()


def lines(visitor: Client, run: Run) -> list[str]:
    return [line.text for line in visitor.get(f"/runs/{run.id}").context["page"].banner.lines]


def test_a_sleeping_run_tells_when_it_goes_on(visitor: Client):
    run = rich_runs()["sleeping"]
    [line] = visitor.get(f"/runs/{run.id}").context["page"].banner.lines
    assert (line.text, line.before) == ("Asleep", " until")
    assert f'class="until" datetime="{line.until.isoformat()}"' in page_of(visitor, run)


def test_a_waiting_run_offers_to_send_what_it_waits_for(visitor: Client):
    builder = RunBuilder().open_wait("signal", "a", name="approved").open_wait("event", "b", name="user/confirmed")
    run = builder.step("a", op="wait_for_signal", status="waiting").save("waiting")
    page = page_of(visitor, run)
    assert f"/runs/{run.id}/signal?name=approved" in page
    assert "/events/send?name=user/confirmed" in page
    inspector = visitor.get(f"/runs/{run.id}/inspector?step=a").content.decode()
    assert "Waiting for signal approved" in inspector


def test_a_retrying_run_tells_when_the_next_attempt_comes(visitor: Client):
    run = RunBuilder().open_wait("retry", "charge", due=30).save("retrying")
    [line] = visitor.get(f"/runs/{run.id}").context["page"].banner.lines
    assert line.text == "Next attempt of charge"
    assert line.until == run.started_at + timedelta(seconds=30)


def test_a_delayed_run_tells_when_it_starts(visitor: Client):
    run = RunBuilder(due_at=NOW + timedelta(hours=1)).save("delayed")
    [line] = visitor.get(f"/runs/{run.id}").context["page"].banner.lines
    assert (line.text, line.until) == ("It starts", run.due_at)


def test_a_queued_run_tells_whether_there_is_a_worker_and_how_many_are_ahead(visitor: Client):
    runs = [RunBuilder(prio=prio).save("queued") for prio in range(3)]
    assert lines(visitor, runs[2]) == ["No worker for queue default is alive: it goes on when one is started."]
    life = NOW + timedelta(days=1)
    Worker.objects.create(
        id=fresh_id(), host="a", pid=1, started_at=NOW, queues=["default"], expires_at=life
    )  # fmt: skip
    assert lines(visitor, runs[2]) == ["2\u00a0runs of queue default are ahead of it."]
    assert lines(visitor, runs[1]) == ["1\u00a0run of queue default is ahead of it."]
    assert lines(visitor, runs[0]) == [
        "It is the next of queue default: it goes on as soon as a worker is free."
    ]  # fmt: skip


def test_a_blocked_run_tells_expected_and_got_and_offers_a_replay_from_there(visitor: Client):
    run = RunBuilder().step("load").step("charge").save("blocked", error={"type": "Blocked", "message": "m"})
    facts = {"key": "charge", "expected": "run", "got": "sleep"}
    Journal.objects.create(run=run.id, seq=run.seq + 1, kind="run.blocked", at=NOW, data=facts)
    page = page_of(visitor, run)
    assert "Step charge is recorded as step; the code now asks for sleep under this key." in page
    assert f"/runs/{run.id}/replay?step=charge" in page


def test_a_failed_run_leads_to_the_step_that_failed(visitor: Client):
    page = page_of(visitor, rich_runs()["failed"])
    assert "?step=charge-card&amp;tab=error" in page
    assert ERROR["message"] in page


def test_warnings_for_authors_stand_above_the_waterfall_each_once(visitor: Client):
    run = RunBuilder().step("slow").save()
    for key, message, level, logger in [
        ("slow", "step.transaction took 340 ms", "WARNING", "signalbox"),
        ("slow", "step.transaction took 340 ms", "WARNING", "signalbox"),
        ("", "the function swallowed its suspension", "WARNING", "signalbox"),
        ("slow", "the author's own warning", "WARNING", "shop"),
        ("slow", "something else of ours", "INFO", "signalbox"),
    ]:
        Log.objects.create(run=run.id, key=key, number=1, at=NOW, level=level, logger=logger, message=message)
    page = visitor.get(f"/runs/{run.id}")
    found = [(notice.step, notice.message, notice.times) for notice in page.context["page"].warnings]
    assert found == [("slow", "step.transaction took 340 ms", 2), ("", "the function swallowed its suspension", 1)]
    assert "?step=slow&amp;tab=logs" in page.content.decode()
    assert 'data-kind="warning"' not in page_of(visitor, RunBuilder().step("a").save())


def test_child_runs_are_told_apart_by_what_they_were_given(visitor: Client):
    parent = RunBuilder("audit-all")
    for n, given in enumerate([{"name": "django"}, {"page": 3, "size": 20}, {"text": "x" * 900}, {}]):
        child = RunBuilder("audit", trigger="invoke", parent=parent.run.id, parent_key=f"audit:{n}").save(input=given)
        parent.step(f"audit:{n}", op="invoke", detail={"function": "audit", "run": child.id})
    run = parent.save()
    trace = visitor.get(f"/runs/{run.id}/trace").json()
    place = trace["cols"].index("about")
    told = [row[place] for row in trace["steps"]]
    assert told[:2] + told[3:] == ["django", "page=3, size=20", ""]
    assert (len(told[2]), told[2][-1]) == (80, "…")
    assert "page=3, size=20" in page_of(visitor, run)


def test_what_was_logged_is_in_the_trace_by_step_and_level(visitor: Client):
    builder = RunBuilder().step("a", 0.5).log("a", "m").log("a", "m", "ERROR").log("", "m", "WARNING")
    trace = visitor.get(f"/runs/{builder.save().id}/trace").json()
    assert [level for _us, level in trace["steps"][0][trace["cols"].index("logs")]] == [0, 2]
    assert [level for _us, level in trace["run"]["logs"]] == [1]


def test_an_address_keeps_the_attempt_from_tab_to_tab(visitor: Client):
    run = rich_runs()["failed"]
    page = visitor.get(f"/runs/{run.id}?step=charge-card&attempt=1&tab=attempts").content.decode()
    assert "?step=charge-card&amp;attempt=1&amp;tab=error" in page


def test_a_step_of_a_child_run_has_an_address_on_its_parents_page(visitor: Client):
    runs = rich_runs()
    parent, child = runs["completed"], runs["child"]
    page = visitor.get(f"/runs/{parent.id}?run={child.id}&step=print-label").content.decode()
    assert f'data-selected-run="{child.id}" data-selected-parent="ship"' in page
    assert f"/runs/{child.id}/replay?step=print-label" in page


@pytest.mark.parametrize("query", ["step=%00", "step=nonsense&attempt=99999999999999", "from=99999999999999", "from=²"])
def test_hostile_addresses_are_no_error(visitor: Client, query: str):
    run = RunBuilder().step("a").save(event=make_event())
    assert visitor.get(f"/runs/{run.id}?{query}").status_code in {200, 404}
    assert visitor.get(f"/runs/{run.id}/inspector?{query}").status_code in {200, 404}
    assert visitor.get(f"/runs/{run.id}/trace?since=99999999999999999999").status_code == 200


def test_the_inspector_has_the_width_that_the_visitor_left_it_with(visitor: Client):
    run = RunBuilder().step("a").save()
    for kept, shown in (("500", "--width:500px"), ("5", "--width:280px"), ("x", ""), ("9" * 40, "")):
        visitor.cookies["inspector"] = kept
        assert shown in page_of(visitor, run)
        assert shown or "--width:" not in page_of(visitor, run).partition('class="run-body"')[2][:60]


def test_the_page_of_a_run_asks_as_many_queries_for_many_children_as_for_one(
    visitor: Client, django_assert_num_queries
):
    def fan_out(number: int) -> Run:
        parent = RunBuilder("all")
        for n in range(number):
            child = RunBuilder("one", trigger="invoke", parent=parent.run.id).save(input={"n": n})
            parent.step(f"one:{n}", op="invoke", detail={"function": "one", "run": child.id}).log(f"one:{n}", "m")
        return parent.save()

    small, big = fan_out(1), fan_out(120)
    visitor.get("/runs")
    with django_assert_num_queries(13) as counted:
        visitor.get(f"/runs/{small.id}")
    with django_assert_num_queries(len(counted)):
        visitor.get(f"/runs/{big.id}")
    assert RunData.objects.count() == 123
    assert not Function.objects.exists()
