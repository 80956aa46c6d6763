"""What programs do to functions and runs over REST, on the real engine without anybody who runs functions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client

from orchestrator.core.ids import parse_id
from orchestrator.engine.runtime import Runtime
from orchestrator.models import Audit, Event, Idempotency, Inbox, Run, RunData, RunEvent
from tests.api.asking import get
from tests.console.factories import RunBuilder, fresh_id, make_event, make_function

pytestmark = pytest.mark.django_db(transaction=True)
Post = Callable[..., Any]


@pytest.fixture(autouse=True)
def ship_order(engine: Runtime) -> None:
    """A function that some other process runs."""
    make_function("ship-order", triggers=[{"event": "order/placed"}])
    make_function("ship-order/on-failure", triggers=[{"event": "order/lost"}])
    engine.refresh_catalog()


def ok(answer: Any) -> Any:
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/json"
    return orjson.loads(answer.content)


def refused(answer: Any, status: int) -> Any:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return orjson.loads(answer.content)["code"]


def test_an_event_starts_the_runs_that_the_api_shows(post: Post, client: Client) -> None:
    [event_id] = ok(post("/events", orjson.dumps({"name": "order/placed", "data": {"order": 42}})))["ids"]
    [run] = get(client, f"/events/{event_id}/runs")["data"]
    assert (run["function"], run["status"], run["trigger"]) == ("ship-order", "queued", "event")
    assert (run["event_ids"], run["input"], run["started_at"]) == ([event_id], {"order": 42}, None)
    assert get(client, "/runs", event_id=event_id)["data"] == [run]
    [entry] = get(client, f"/runs/{run['id']}/history")["data"]
    assert (entry["seq"], entry["kind"]) == (1, "run.queued")


class TestTrigger:
    def test_a_call_starts_a_run(self, post: Post, client: Client) -> None:
        answered = ok(post("/functions/ship-order/trigger", b'{"data": {"order": 42}}'))
        assert answered.keys() == {"run_id"}
        run = get(client, f"/runs/{parse_id(answered['run_id'])}")
        assert (run["function"], run["trigger"], run["event_ids"]) == ("ship-order", "call", [])
        assert (run["status"], run["input"]) == ("queued", {"order": 42})

    def test_a_function_with_slashes_in_its_id(self, post: Post) -> None:
        run_id = ok(post("/functions/ship-order/on-failure/trigger", b'{"data": {}}'))["run_id"]
        assert Run.objects.get(id=run_id).function == "ship-order/on-failure"

    def test_a_key_that_was_used_answers_the_first_run(self, post: Post) -> None:
        body = b'{"data": {}, "idempotency_key": "order-42"}'
        first, second = (ok(post("/functions/ship-order/trigger", body))["run_id"] for _ in range(2))
        assert first == second
        assert Run.objects.count() == 1

    @pytest.mark.parametrize(
        "delay, expected",
        [
            (90, timedelta(seconds=90)),
            (0.5, timedelta(seconds=0.5)),
            ("10m", timedelta(minutes=10)),
            ("PT10M", timedelta(minutes=10)),
        ],
    )
    def test_a_delayed_run_waits_for_its_start(
        self, post: Post, client: Client, delay: Any, expected: timedelta
    ) -> None:
        body = orjson.dumps({"data": {}, "delay": delay})
        run_id = ok(post("/functions/ship-order/trigger", body))["run_id"]
        run = Run.objects.get(id=run_id)
        assert run.due_at
        assert run.due_at - run.queued_at == expected
        shown = get(client, f"/runs/{run_id}")
        assert shown["status"] == "delayed"
        assert shown["waiting_for"][0].startswith("start at 20")

    def test_no_delay_is_none(self, post: Post) -> None:
        for delay in (0, None):
            run_id = ok(post("/functions/ship-order/trigger", orjson.dumps({"data": {}, "delay": delay})))["run_id"]
            assert Run.objects.get(id=run_id).status == "queued"

    @pytest.mark.parametrize(
        "body, code",
        [
            (b"", "invalid_input"),  # no body
            (b"{}", "invalid_input"),  # no data
            (b'{"data": [1]}', "invalid_payload"),  # no object
            (b'{"data": {}, "delay": "soon"}', "invalid_duration"),
            (b'{"data": {}, "delay": -1}', "invalid_duration"),
            (b'{"data": {}, "delay": true}', "invalid_duration"),
            (b'{"data": {}, "delay": [1]}', "invalid_duration"),
            (b'{"data": {}, "delay": 1e300}', "invalid_duration"),
            (b'{"data": {}, "idempotency_key": ""}', "invalid_input"),
            (b'{"data": {}, "idempotency_key": "a\\u0000b"}', "invalid_input"),
            (b'{"data": {}, "idempotency_key": 5}', "invalid_input"),
            (b'{"data": {}, "dealy": 5}', "invalid_input"),  # misspelt
            (b'{"data": ' + b"[" * 500 + b"]" * 500 + b"}", "unserialisable"),
        ],
    )
    def test_what_is_wrong_is_refused(self, post: Post, body: bytes, code: str) -> None:
        if code == "unserialisable":
            body = body.replace(b'"data": ', b'"data": {"x": ').replace(b"]}", b"]}}")
        assert refused(post("/functions/ship-order/trigger", body), 400) == code
        assert not Run.objects.exists()

    def test_an_unknown_function(self, post: Post) -> None:
        assert refused(post("/functions/nobody/trigger", b'{"data": {}}'), 404) == "unknown_function"
        assert refused(post("/functions/a%00b/trigger", b'{"data": {}}'), 400) == "invalid_id"


class TestStopping:
    def test_cancelling_leaves_a_message_for_the_owner(self, post: Post) -> None:
        run = RunBuilder().save("running")
        assert ok(post(f"/runs/{run.id}/cancel", b'{"reason": "wrong order"}')) == {"run_id": run.id}
        message = Inbox.objects.get(run=run.id)
        assert (message.kind, message.data) == ("cancel", {"actor": "key ci", "reason": "wrong order"})
        audit = Audit.objects.get()
        assert (audit.action, audit.target, audit.actor, audit.reason) == (
            "run.cancel", run.id, "key ci", "wrong order",
        )  # fmt: skip

    def test_cancelling_twice_is_cancelling(self, post: Post) -> None:
        run = RunBuilder().save("running")
        assert [ok(post(f"/runs/{run.id}/cancel")) for _ in range(2)] == [{"run_id": run.id}] * 2
        assert Inbox.objects.count() == 1

    def test_terminating_ends_the_run_at_once(self, post: Post, client: Client) -> None:
        run = RunBuilder().step("load", status="running").save("running")
        assert ok(post(f"/runs/{run.id}/terminate", b'{"reason": "stuck"}')) == {"run_id": run.id}
        shown = get(client, f"/runs/{run.id}")
        assert shown["status"] == "cancelled"
        assert shown["ended_at"]
        assert [step["status"] for step in shown["steps"]] == ["cancelled"]

    @pytest.mark.parametrize("verb", ["cancel", "terminate"])
    def test_what_has_ended_or_is_unknown_is_refused(self, post: Post, verb: str) -> None:
        run = RunBuilder().save("completed")
        assert refused(post(f"/runs/{run.id}/{verb}"), 409) == "run_ended"
        assert refused(post(f"/runs/{fresh_id()}/{verb}"), 404) == "run_not_found"
        assert refused(post(f"/runs/nonsense/{verb}"), 400) == "invalid_id"
        for body in (b'{"reason": 5}', b'{"reason": "a\\u0000b"}', b'{"raeson": ""}', b"nonsense"):
            assert refused(post(f"/runs/{run.id}/{verb}", body), 400) in {"invalid_input", "invalid_json"}


class TestReplay:
    def test_a_replay_is_a_new_run_on_the_same_events(self, post: Post, client: Client) -> None:
        event = make_event(data={"order": 42})
        old = RunBuilder("ship-order").step("load").save("failed", event=event)
        before = get(client, f"/runs/{old.id}")
        answered = ok(post(f"/runs/{old.id}/replay"))
        assert answered.keys() == {"run_id"}
        new = get(client, f"/runs/{answered['run_id']}")
        assert (new["replay_of"], new["trigger"], new["status"]) == (old.id, "replay", "queued")
        assert (new["event_ids"], new["input"], new["steps"]) == ([event.id], {"order": 42}, [])
        assert get(client, f"/runs/{old.id}") == before

    def test_from_a_step_the_ones_before_it_are_kept(self, post: Post, client: Client) -> None:
        old = RunBuilder("ship-order").step("load").step("charge").step("ship").save("failed", event=make_event())
        new_id = ok(post(f"/runs/{old.id}/replay", b'{"from_step": "ship"}'))["run_id"]
        steps = get(client, f"/runs/{new_id}")["steps"]
        assert [(step["id"], step["status"]) for step in steps] == [("load", "completed"), ("charge", "completed")]
        assert steps[0]["output"] == {"step": "load", "ok": True}

    def test_with_other_data(self, post: Post, client: Client) -> None:
        old = RunBuilder("ship-order").save("failed", event=make_event(data={"order": 42}))
        new_id = ok(post(f"/runs/{old.id}/replay", b'{"data": {"order": 43}}'))["run_id"]
        assert get(client, f"/runs/{new_id}")["input"] == {"order": 43}
        called = RunBuilder("ship-order", trigger="call").save("failed", input={"order": 42})
        new_id = ok(post(f"/runs/{called.id}/replay", b'{"data": {"order": 43}}'))["run_id"]
        assert get(client, f"/runs/{new_id}")["input"] == {"order": 43}

    def test_a_key_that_was_used_for_this_run_answers_the_first_replay(self, post: Post) -> None:
        old, other = (RunBuilder("ship-order").save("failed", event=make_event()) for _ in range(2))
        first, again = (ok(post(f"/runs/{old.id}/replay", b'{"key": "k1", "data": {}}'))["run_id"] for _ in range(2))
        assert first == again
        assert ok(post(f"/runs/{old.id}/replay", b'{"key": "k2"}'))["run_id"] != first
        assert ok(post(f"/runs/{other.id}/replay", b'{"key": "k1"}'))["run_id"] != first
        assert Run.objects.filter(replay_of=old.id).count() == 2
        assert Event.objects.filter(source="console").count() == 1

    def test_a_refused_replay_uses_no_key_and_stores_no_edited_event(self, post: Post) -> None:
        gone = RunBuilder("gone").save("failed", event=make_event())
        old = RunBuilder("ship-order").save("failed", event=make_event())
        assert refused(post(f"/runs/{gone.id}/replay", b'{"data": {}, "key": "k"}'), 404) == "unknown_function"
        assert refused(post(f"/runs/{old.id}/replay", b'{"from_step": "x", "key": "k"}'), 404) == "step_not_found"
        assert not Event.objects.filter(source="console").exists()
        assert not Idempotency.objects.exists()

    def test_what_is_wrong_is_refused(self, post: Post) -> None:
        old = RunBuilder("ship-order").step("load").save("failed", event=make_event())
        gone = RunBuilder("gone").save("failed", event=make_event())
        assert refused(post(f"/runs/{old.id}/replay", b'{"from_step": "nobody"}'), 404) == "step_not_found"
        assert refused(post(f"/runs/{gone.id}/replay"), 404) == "unknown_function"
        assert refused(post(f"/runs/{fresh_id()}/replay"), 404) == "run_not_found"
        assert refused(post("/runs/nonsense/replay"), 400) == "invalid_id"
        assert refused(post(f"/runs/{old.id}/replay", b'{"data": [1]}'), 400) == "invalid_payload"
        for body in (b'{"from_step": ""}', b'{"from_step": "a\\u0000b"}', b'{"from": "load"}', b"nonsense"):
            assert refused(post(f"/runs/{old.id}/replay", body), 400) in {"invalid_input", "invalid_json"}
        assert Run.objects.count() == 2


class TestSignal:
    def test_a_signal_waits_for_the_run(self, post: Post) -> None:
        run = RunBuilder().save("running")
        body = b'{"name": "approve", "data": {"by": "ada"}}'
        assert ok(post(f"/runs/{run.id}/signal", body)) == {"run_id": run.id}
        message = Inbox.objects.get(run=run.id)
        assert message.kind == "signal"
        assert message.data == {"name": "approve", "data": {"by": "ada"}, "actor": "key ci"}

    def test_a_repeated_key_is_accepted_and_changes_nothing(self, post: Post) -> None:
        run = RunBuilder().save("running")
        for _ in range(2):
            ok(post(f"/runs/{run.id}/signal", b'{"name": "approve", "key": "k1"}'))
        assert Inbox.objects.count() == 1

    def test_an_ended_run_takes_no_signals(self, post: Post) -> None:
        run = RunBuilder().save("completed")
        assert refused(post(f"/runs/{run.id}/signal", b'{"name": "approve"}'), 409) == "run_ended"
        assert not Inbox.objects.exists()

    def test_what_is_wrong_is_refused(self, post: Post) -> None:
        run = RunBuilder().save("running")
        assert refused(post(f"/runs/{fresh_id()}/signal", b'{"name": "approve"}'), 404) == "run_not_found"
        assert refused(post("/runs/nonsense/signal", b'{"name": "approve"}'), 400) == "invalid_id"
        assert refused(post(f"/runs/{run.id}/signal", b'{"name": "' + b"n" * 250 + b'"}'), 400) == "invalid_input"


def test_an_event_sent_again_starts_what_it_starts_now(post: Post, client: Client) -> None:
    event = make_event("order/placed", {"order": 42})
    new_id = ok(post(f"/events/{event.id}/retrigger"))["event_id"]
    [run] = get(client, f"/events/{new_id}/runs")["data"]
    assert (run["function"], run["input"]) == ("ship-order", {"order": 42})


def test_a_refused_event_in_a_list_starts_nothing(post: Post) -> None:
    body = orjson.dumps([{"name": "order/placed"}, {"name": ""}])
    assert refused(post("/events", body), 400) == "invalid_event"
    assert [model.objects.count() for model in (Event, Run, RunData, RunEvent)] == [0, 0, 0, 0]
