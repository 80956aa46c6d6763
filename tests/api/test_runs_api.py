"""A run over REST: the promised shape, its steps, history and logs, in a constant number of queries."""

from datetime import timedelta

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pydantic import TypeAdapter

from orchestrator.api import values
from orchestrator.core.ids import derived_id
from orchestrator.models import Blob, Journal, Progress, RunEvent, Sample
from tests.api.asking import get, text
from tests.console.factories import ERROR, NOW, RunBuilder, fresh_id, make_event

pytestmark = pytest.mark.django_db

RUN_KEYS = {
    "id", "function", "status", "trigger", "event_ids", "input", "output", "error", "waiting_for", "queued_at",
    "started_at", "ended_at", "parent_run_id", "replay_of", "tags", "progress", "samples",
    "steps",
}  # fmt: skip
STEP_KEYS = {"id", "name", "op", "status", "started_at", "ended_at", "output", "attempts"}
ATTEMPT_KEYS = {"number", "status", "queued_at", "started_at", "ended_at", "worker", "error"}


def test_a_run_has_the_promised_shape(client: Client) -> None:
    event = make_event()
    builder = RunBuilder(at=NOW)
    run = builder.step("load").retried("charge", 1).save("completed", event=event, output={"ok": True}, tags=["vip"])
    answered = get(client, f"/runs/{run.id}")
    assert answered.keys() == RUN_KEYS
    assert answered["id"] == run.id
    assert (answered["function"], answered["status"], answered["trigger"]) == ("process-order", "completed", "event")
    assert (answered["event_ids"], answered["output"], answered["tags"]) == ([event.id], {"ok": True}, ["vip"])
    assert (answered["error"], answered["waiting_for"]) == (None, [])
    assert (answered["parent_run_id"], answered["replay_of"]) == (None, None)
    assert run.started_at
    assert run.ended_at
    assert answered["queued_at"] == text(run.queued_at)
    assert (answered["started_at"], answered["ended_at"]) == (text(run.started_at), text(run.ended_at))
    TypeAdapter(values.Run).validate_json(orjson.dumps(answered))


def test_steps_come_in_order_with_all_their_attempts(client: Client) -> None:
    run = RunBuilder().step("load").retried("charge", 2).save("completed")
    load, charge = get(client, f"/runs/{run.id}")["steps"]
    assert load.keys() == STEP_KEYS
    assert charge["attempts"][0].keys() == ATTEMPT_KEYS
    assert (load["id"], load["name"], load["op"], load["status"]) == ("load", "load", "run", "completed")
    assert load["output"] == {"step": "load", "ok": True}
    assert [(each["number"], each["status"]) for each in charge["attempts"]] == [
        (1, "failed"),
        (2, "failed"),
        (3, "completed"),
    ]
    first, _second, third = charge["attempts"]
    assert first["error"] == ERROR
    assert third["error"] is None
    assert first["worker"] == "dev-1:4242"
    assert charge["status"] == "completed"
    assert (charge["started_at"], charge["ended_at"]) == (first["started_at"], third["ended_at"])


def test_a_step_between_two_attempts_is_retrying_and_has_not_ended(client: Client) -> None:
    builder = RunBuilder().step("charge", status="failed", error=ERROR, detail={"retry_at": text(NOW)})
    run = builder.open_wait("retry", "charge", due=5).save("retrying")
    answered = get(client, f"/runs/{run.id}")
    [charge] = answered["steps"]
    assert (charge["status"], charge["ended_at"]) == ("retrying", None)
    assert answered["waiting_for"] == [f"retry of charge at {text(builder.clock + timedelta(seconds=5))}"]


def test_a_name_used_again_is_told_from_the_id(client: Client) -> None:
    run = RunBuilder().step("page").step("page:1").step("at:9").save("completed")
    steps = get(client, f"/runs/{run.id}")["steps"]
    assert [(step["id"], step["name"]) for step in steps] == [("page", "page"), ("page:1", "page"), ("at:9", "at:9")]


def test_attempts_of_the_function_itself_are_no_step(client: Client) -> None:
    run = RunBuilder().step("load").step("", op="function", ordinal=-1).save("completed")
    assert [step["id"] for step in get(client, f"/runs/{run.id}")["steps"]] == ["load"]


def test_a_failed_run_says_why(client: Client) -> None:
    run = RunBuilder().retried("charge", 2, fails=True).save("failed", error=ERROR)
    answered = get(client, f"/runs/{run.id}")
    assert answered["error"] == ERROR
    assert answered["steps"][0]["status"] == "failed"


def test_large_outputs_are_read_from_their_blobs(client: Client) -> None:
    large = {"text": "x" * 70_000}
    builder = RunBuilder()
    blobs = [
        Blob.objects.create(
            id=fresh_id(), run=builder.run.id, size=70_011, sha256="", body=orjson.dumps(large).decode()
        )
        for _ in range(2)
    ]
    run = builder.step("extract", blob=blobs[0].id, output=None, op="transaction").save(output_blob=blobs[1].id)
    answered = get(client, f"/runs/{run.id}")
    assert answered["output"] == large
    assert answered["steps"][0]["output"] == large
    [listed] = get(client, "/runs")["data"]
    assert listed["output"] is None


def test_the_input_is_the_payload_of_a_call_or_the_data_of_the_events(client: Client) -> None:
    event = make_event(data={"order": 42})
    called = RunBuilder(trigger="call").save(input={"section": 1})
    sent = RunBuilder().save(event=event)
    batch = RunBuilder().save(event=event)
    RunEvent.objects.create(run=batch.id, n=1, event=make_event(data={"order": 43}).id)
    edited = RunBuilder(trigger="replay").save(event=event, input={"order": 44})
    ticked = RunBuilder(trigger="cron").save()
    expected = {
        called.id: {"section": 1},
        sent.id: {"order": 42},
        batch.id: [{"order": 42}, {"order": 43}],
        edited.id: {"order": 44},
        ticked.id: None,
    }
    assert {run["id"]: run["input"] for run in get(client, "/runs")["data"]} == expected
    assert {id: get(client, f"/runs/{id}")["input"] for id in expected} == expected


def test_large_inputs_are_left_out_of_lists(client: Client) -> None:
    large = {"text": "x" * 70_000}
    called = RunBuilder(trigger="call").save(input=large)
    sent = RunBuilder().save(event=make_event(data=large))
    assert [run["input"] for run in get(client, "/runs")["data"]] == [None, None]
    assert [get(client, f"/runs/{run.id}")["input"] for run in (called, sent)] == [large, large]


def test_parents_and_replays_are_linked(client: Client) -> None:
    parent, original = fresh_id(), fresh_id()
    run = RunBuilder(parent=parent, parent_key="ship", replay_of=original, trigger="replay").save("completed")
    answered = get(client, f"/runs/{run.id}")
    assert (answered["parent_run_id"], answered["replay_of"]) == (parent, original)


def test_each_open_wait_is_a_sentence(client: Client) -> None:
    child = fresh_id()
    builder = RunBuilder()
    builder.step("gate", op="wait_for_event", status="waiting", detail={"event": "paid", "match": "data.order == 42"})
    builder.open_wait("event", "gate", name="paid", due=60)
    builder.step("approval", op="wait_for_signal", status="waiting", detail={"signal": "approve"})
    builder.open_wait("signal", "approval", name="approve")
    builder.step("ship", op="invoke", status="waiting", detail={"function": "ship-order", "run": child})
    builder.open_wait("child", "ship", name=child)
    builder.step("nap", op="sleep", status="sleeping", detail={}).open_wait("timer", "nap", due=60)
    run = builder.save("waiting")
    due = text(builder.clock + timedelta(seconds=60))
    expected = {
        f"event paid where data.order == 42, until {due}",
        "signal approve",
        f"run {child} of function ship-order",
        f"sleep nap until {due}",
    }
    assert set(get(client, f"/runs/{run.id}")["waiting_for"]) == expected
    assert set(get(client, "/runs")["data"][0]["waiting_for"]) == expected


def test_a_delayed_run_waits_for_its_start(client: Client) -> None:
    run = RunBuilder(due_at=NOW).save("delayed")
    assert get(client, f"/runs/{run.id}")["waiting_for"] == [f"start at {text(NOW)}"]


def test_a_run_started_by_a_batch_lists_its_events_in_order(client: Client) -> None:
    run = RunBuilder().save("completed")
    events = [make_event() for _ in range(3)]
    for n, event in enumerate(reversed(events)):
        RunEvent.objects.create(run=run.id, n=n, event=event.id)
    assert get(client, f"/runs/{run.id}")["event_ids"] == [event.id for event in reversed(events)]
    assert get(client, f"/events/{events[1].id}/runs")["data"][0]["id"] == run.id


def test_runs_of_another_environment_do_not_exist(client: Client) -> None:
    run = RunBuilder(env=2).save("running")
    assert get(client, "/runs")["data"] == []
    for path in ("", "/history", "/logs"):
        assert client.get(f"/api/v1/runs/{run.id}{path}").status_code == 404
    for verb in ("cancel", "terminate", "replay"):
        assert client.post(f"/api/v1/runs/{run.id}/{verb}", content_type="application/json").status_code == 404


def test_history_is_the_journal_in_order(client: Client) -> None:
    run = RunBuilder().step("load").save("completed")
    Journal.objects.create(run=run.id, seq=4, kind="cancel.requested", at=NOW, actor="key ci", data={"reason": "x"})
    answered = get(client, f"/runs/{run.id}/history", limit=3)
    assert [entry["seq"] for entry in answered["data"]] == [1, 2, 3]
    assert answered["data"][2] == {
        "seq": 3, "kind": "step.completed", "step_id": "load", "attempt": 1, "at": text(run.queued_at), "actor": "",
        "data": None,
    }  # fmt: skip
    last = get(client, f"/runs/{run.id}/history", cursor=answered["next_cursor"])
    assert [(entry["seq"], entry["actor"], entry["data"]) for entry in last["data"]] == [(4, "key ci", {"reason": "x"})]
    assert last["next_cursor"] is None


def test_logs_are_listed_in_order_and_by_step(client: Client) -> None:
    builder = RunBuilder().step("load").log("load", "one").log("", "two", "WARNING", 0).log("load", "three")
    run = builder.save("completed")
    answered = get(client, f"/runs/{run.id}/logs", limit=2)
    assert [line["message"] for line in answered["data"]] == ["one", "two"]
    line = answered["data"][1]
    assert line.pop("id") > 0
    assert line == {
        "step_id": "", "attempt": 0, "at": text(builder.clock), "level": "WARNING", "logger": "shop", "message": "two",
    }  # fmt: skip
    rest = get(client, f"/runs/{run.id}/logs", cursor=answered["next_cursor"])
    assert [line["message"] for line in rest["data"]] == ["three"]
    of_step = get(client, f"/runs/{run.id}/logs", step_id="load")
    assert [line["message"] for line in of_step["data"]] == ["one", "three"]


def test_how_far_a_run_is_and_what_it_uses_are_told(client: Client) -> None:
    run = RunBuilder().save("running")
    assert (get(client, f"/runs/{run.id}")["progress"], get(client, f"/runs/{run.id}")["samples"]) == (None, [])
    Progress.objects.create(run=run.id, fraction=0.4, message="page 12 of 30", at=NOW)
    Sample.objects.create(run=run.id, second=2, cpu_percent=97.5, memory_bytes=1024)
    Sample.objects.create(run=run.id, second=1, cpu_percent=3.0, memory_bytes=512)
    answered = get(client, f"/runs/{run.id}")
    assert answered["progress"] == {"fraction": 0.4, "message": "page 12 of 30", "at": text(NOW)}
    assert answered["samples"] == [
        {"second": 1, "cpu_percent": 3.0, "memory_bytes": 512},
        {"second": 2, "cpu_percent": 97.5, "memory_bytes": 1024},
    ]


def test_a_run_of_many_steps_takes_no_more_queries_than_one_of_few(client: Client) -> None:
    few = RunBuilder().fan_out("page", 1).save("completed", event=make_event())
    many = RunBuilder().fan_out("page", 300).save("completed", event=make_event())
    counts = []
    for run in (few, few, many):
        with CaptureQueriesContext(connection) as queries:
            get(client, f"/runs/{run.id}")
        counts.append(len(queries))
    assert counts[1] == counts[2] <= 10


@pytest.mark.parametrize("path", ["", "/history", "/logs"])
def test_an_unknown_run_and_a_malformed_id_are_told_apart(client: Client, path: str) -> None:
    unknown = client.get(f"/api/v1/runs/{derived_id(NOW, 'nobody')}{path}")
    assert (unknown.status_code, orjson.loads(unknown.content)["code"]) == (404, "run_not_found")
    for malformed in ("nonsense", "%00", "8" * 26, "%ED%A0%80"):
        answer = client.get(f"/api/v1/runs/{malformed}{path}")
        assert (answer.status_code, orjson.loads(answer.content)["code"]) == (400, "invalid_id")


def test_an_id_is_read_in_lower_case_too(client: Client) -> None:
    run = RunBuilder().save("completed")
    assert get(client, f"/runs/{run.id.lower()}")["id"] == run.id
