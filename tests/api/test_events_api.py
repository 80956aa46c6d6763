"""Events over REST: sent all or none, listed, shown, and sent again."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pydantic import TypeAdapter

from orchestrator.api import values
from orchestrator.models import Event
from tests.api.asking import get, text
from tests.console.factories import NOW, RunBuilder, fresh_id, make_event

Post = Callable[..., Any]


def send(post: Post, body: Any) -> Any:
    return post("/events", body if isinstance(body, bytes) else orjson.dumps(body))


@pytest.mark.django_db
class TestReading:
    def test_an_event_is_answered_with_all_that_is_known_of_it(self, client: Client) -> None:
        first, parent = make_event(), fresh_id()
        event = make_event(
            "user/signed-up", {"user_id": "u-1"}, user={"id": "u-1"}, v="2", external_id="signup-1",
            duplicate_of=first.id, source="run", source_run=parent,
            skipped=[{"function": "loyalty", "reason": "if event.data.member is false"}],
        )  # fmt: skip
        answered = get(client, f"/events/{event.id}")
        assert answered == {
            "id": event.id, "name": "user/signed-up", "data": {"user_id": "u-1"}, "user": {"id": "u-1"}, "v": "2",
            "ts": text(NOW), "external_id": "signup-1", "duplicate_of": first.id, "retrigger_of": None,
            "source": "run", "source_run_id": parent, "received_at": text(NOW),
            "skipped": [{"function": "loyalty", "reason": "if event.data.member is false", "run_id": None}],
        }  # fmt: skip
        TypeAdapter(values.Event).validate_json(orjson.dumps(answered))

    def test_events_are_paged_from_the_newest_and_filtered_by_name(self, client: Client) -> None:
        events = [make_event(name) for name in ("a", "b", "a", "a")]
        newest_first = [event.id for event in sorted(events, key=lambda event: event.id, reverse=True)]
        page = get(client, "/events", limit=3)
        assert [event["id"] for event in page["data"]] == newest_first[:3]
        rest = get(client, "/events", limit=3, cursor=page["next_cursor"])
        assert ([event["id"] for event in rest["data"]], rest["next_cursor"]) == (newest_first[3:], None)
        assert {event["name"] for event in get(client, "/events", name="a")["data"]} == {"a"}
        assert get(client, "/events", name="c") == {"data": [], "next_cursor": None}

    def test_the_runs_of_an_event(self, client: Client) -> None:
        event = make_event()
        runs = [RunBuilder().save(event=event) for _ in range(3)]
        RunBuilder().save(event=make_event())
        page = get(client, f"/events/{event.id}/runs", limit=2)
        rest = get(client, f"/events/{event.id}/runs", limit=2, cursor=page["next_cursor"])
        found = [run["id"] for run in page["data"] + rest["data"]]
        assert found == sorted((run.id for run in runs), reverse=True)

    def test_events_of_another_environment_do_not_exist(self, client: Client, post: Post) -> None:
        event = make_event(env=2)
        assert get(client, "/events")["data"] == []
        for path in (f"/events/{event.id}", f"/events/{event.id}/runs"):
            assert client.get(f"/api/v1{path}").status_code == 404
        assert post(f"/events/{event.id}/retrigger").status_code == 404

    @pytest.mark.parametrize("path", ["/events/{}", "/events/{}/runs"])
    def test_an_unknown_event_and_a_malformed_id_are_told_apart(self, client: Client, path: str) -> None:
        unknown = client.get("/api/v1" + path.format(fresh_id()))
        assert (unknown.status_code, orjson.loads(unknown.content)["code"]) == (404, "event_not_found")
        malformed = client.get("/api/v1" + path.format("nonsense"))
        assert (malformed.status_code, orjson.loads(malformed.content)["code"]) == (400, "invalid_id")

    @pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=x", "name=", "name=a%00b", "name=" + "n" * 513])
    def test_what_is_wrong_with_a_question_is_refused(self, client: Client, query: str) -> None:
        assert client.get(f"/api/v1/events?{query}").status_code == 400

    def test_a_list_of_fifty_takes_no_more_queries_than_a_list_of_one(self, client: Client) -> None:
        counts = []
        for count in (1, 1, 49):
            for _ in range(count):
                make_event()
            with CaptureQueriesContext(connection) as queries:
                get(client, "/events", limit=200)
            counts.append(len(queries))
        assert counts[1:] == [1, 1]


@pytest.mark.usefixtures("engine")
@pytest.mark.django_db(transaction=True)
class TestSending:
    def test_one_event_is_stored(self, post: Post, client: Client) -> None:
        answer = send(post, {"name": "order/placed", "data": {"order": 42}, "user": {"id": "u"}, "v": "1"})
        assert answer.status_code == 200
        [id] = orjson.loads(answer.content)["ids"]
        answered = get(client, f"/events/{id}")
        assert (answered["name"], answered["data"], answered["source"]) == ("order/placed", {"order": 42}, "api")

    def test_a_list_is_answered_in_its_order(self, post: Post) -> None:
        ids = orjson.loads(send(post, [{"name": "a"}, {"name": "b"}]).content)["ids"]
        assert [Event.objects.get(id=id).name for id in ids] == ["a", "b"]

    def test_all_are_stored_or_none(self, post: Post) -> None:
        answer = send(post, [{"name": "a"}, {"name": ""}, {"name": "c"}])
        problem = orjson.loads(answer.content)
        assert (answer.status_code, problem["code"], problem["index"]) == (400, "invalid_event", 1)
        assert "ids" not in problem
        assert not Event.objects.exists()

    def test_an_event_id_that_was_used_answers_the_first_one_and_stores_nothing(self, post: Post) -> None:
        [first] = orjson.loads(send(post, {"name": "a", "id": "o-42"}).content)["ids"]
        again = orjson.loads(send(post, [{"name": "b"}, {"name": "a", "id": "o-42"}]).content)["ids"]
        assert again[1] == first
        assert sorted(Event.objects.values_list("name", flat=True)) == ["a", "b"]

    @pytest.mark.parametrize(
        "body, part",
        [
            (b"", "empty"),
            (b'{"name": "a"', "not JSON"),
            (b'{"name": "a", "data": {"x": "\\ud800"}}', "not JSON"),
            (b'{"data": {}}', "name is missing"),
            (b'{"name": "a", "id": "a\\u0000b"}', "unprintable"),
        ],
    )
    def test_what_is_wrong_is_named(self, post: Post, body: bytes, part: str) -> None:
        answer = send(post, body)
        assert answer.status_code == 400
        assert part in orjson.loads(answer.content)["detail"]

    def test_a_body_over_the_limit(self, post: Post, settings: Any) -> None:
        settings.ORCHESTRATOR = settings.ORCHESTRATOR | {"MAX_BODY_BYTES": 1000}
        assert send(post, {"name": "a", "data": {"x": "x" * 2000}}).status_code == 413

    def test_events_go_into_the_environment_of_the_key(self, post: Post) -> None:
        send(post, {"name": "a"})
        assert Event.objects.get().env == 1


@pytest.mark.usefixtures("engine")
@pytest.mark.django_db(transaction=True)
class TestRetriggering:
    def test_an_event_is_sent_again(self, post: Post) -> None:
        event = make_event(data={"order": 42})
        answer = post(f"/events/{event.id}/retrigger")
        assert answer.status_code == 200
        again = Event.objects.get(id=orjson.loads(answer.content)["event_id"])
        assert (again.name, again.data, again.retrigger_of) == (event.name, {"order": 42}, event.id)

    def test_with_other_data(self, post: Post) -> None:
        event = make_event(data={"order": 42})
        answer = post(f"/events/{event.id}/retrigger", b'{"data": {"order": 43}}')
        assert Event.objects.get(id=orjson.loads(answer.content)["event_id"]).data == {"order": 43}

    @pytest.mark.parametrize("body", [b'{"data": [1]}', b'{"data": null}', b'{"date": {}}', b"nonsense"])
    def test_what_is_no_data_is_refused(self, post: Post, body: bytes) -> None:
        event = make_event()
        assert post(f"/events/{event.id}/retrigger", body).status_code == 400
        assert Event.objects.count() == 1

    def test_an_unknown_event(self, post: Post) -> None:
        answer = post(f"/events/{fresh_id()}/retrigger")
        assert (answer.status_code, orjson.loads(answer.content)["code"]) == (404, "event_not_found")
