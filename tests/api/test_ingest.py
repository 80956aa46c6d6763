"""The event endpoint answers the same on both faces, and as Inngest's SDKs expect it."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from django.db import OperationalError
from pytest_django.fixtures import Settings

from orchestrator.api import ingest_http
from orchestrator.core.errors import EngineUnavailable
from orchestrator.core.ids import parse_id, seeded_id
from orchestrator.engine.keys import create_key
from orchestrator.models import Environment, Event, Key
from tests.api.faces import AsgiFace, DjangoFace, Face, Reply

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("open_access", "engine")]

SEED = "1795367318797,T9SKB5pONbUdBQ=="
GOOD = {"name": "order/placed", "data": {"order": 42}}


@pytest.fixture(params=[AsgiFace, DjangoFace], ids=["asgi", "django"])
def face(request: pytest.FixtureRequest) -> Face:
    made: Face = request.param()
    return made


def send(face: Face, body: Any, key: str = "dev", **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return face.ask("POST", f"/e/{key}", raw, headers)


def stored_names() -> list[str]:
    return list(Event.objects.order_by("id").values_list("name", flat=True))


def test_one_event_is_stored_and_its_id_answered(face: Face) -> None:
    reply = send(face, GOOD)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    [id] = reply.json["ids"]
    assert reply.json == {"ids": [id], "status": 200}
    event = Event.objects.get()
    assert (event.id, event.name, event.data) == (parse_id(id), "order/placed", {"order": 42})
    assert (event.env, event.source, event.external_id) == (1, "api", None)


def test_all_fields_of_an_event_are_stored(face: Face) -> None:
    sent = GOOD | {"id": "o-42", "ts": 1767225600123, "user": {"id": "u1"}, "v": "2026-01"}
    assert send(face, sent).status == 200
    event = Event.objects.get()
    assert (event.external_id, event.user, event.v) == ("o-42", {"id": "u1"}, "2026-01")
    assert event.ts == datetime(2026, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)


def test_a_list_is_answered_in_its_order(face: Face) -> None:
    reply = send(face, [{"name": "a"}, {"name": "b"}, {"name": "c"}])
    assert reply.status == 200
    names = [Event.objects.get(id=id).name for id in reply.json["ids"]]
    assert names == ["a", "b", "c"]


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain;charset=UTF-8", ""])
def test_the_content_type_does_not_matter(face: Face, content_type: str) -> None:
    assert send(face, GOOD, **{"content-type": content_type}).status == 200  # curl -d, sendBeacon, nothing


def test_an_empty_list_is_nothing_to_do(face: Face) -> None:
    assert send(face, []).json == {"ids": [], "status": 200}


@pytest.mark.parametrize(
    "body, part",
    [
        (b"", "empty"),  # no body
        (b"  ", "empty"),
        (b'{"name": ', "not JSON"),  # cut off
        (b'{"name": "a", "data": {"x": NaN}}', "not JSON"),  # no number of JSON's
        (b'{"name": "a", "data": {"x": "\\ud800"}}', "not JSON"),  # a lone surrogate
        (b'\xff{"name": "a"}', "not JSON"),  # no UTF-8
        (b"[" * 2000, "not JSON"),  # deeper than any reader goes
        (b'{"name": "a", "data": ' + b'{"x":' * 300 + b"1" + b"}" * 301, "levels deep"),
        (b"42", "not an object"),
        (b"null", "not an object"),
        (b"{}", "name is missing"),
        (b'{"name": ""}', "name is empty"),
        (b'{"name": 7}', "not text"),
        (b'{"name": "a\\u0000b"}', "unprintable"),  # NUL, which PostgreSQL does not store
        (b'{"name": "inngest/function.failed"}', "reserved"),
        (b'{"name": "a", "data": [1]}', "not an object"),
        (b'{"name": "a", "ts": "now"}', "not a whole number"),
        (b'{"name": "a", "ts": 1}', "between 1980 and 2100"),
        (b'{"name": "a", "id": 5}', "not text"),
        (b'{"name": "a", "id": "a\\u0000b"}', "unprintable"),
        (b'{"name": "a", "user": "u1"}', "not an object"),
        (b'{"name": "a", "v": 1}', "not text"),
        (b'{"name": "a", "v": "a\\u0000b"}', "v"),
        (b'{"name": "a", "v": "' + b"v" * 500 + b'"}', "v"),  # longer than its column
    ],
)
def test_what_is_wrong_is_named(face: Face, body: bytes, part: str) -> None:
    reply = send(face, body)
    assert reply.status == 400
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem = reply.json
    assert part in problem["detail"]
    assert problem["error"] == problem["detail"]
    assert (problem["status"], problem["code"], problem["title"]) == (400, "invalid_event", "Bad Request")
    assert problem["ids"] == []
    assert "index" not in problem
    assert stored_names() == []


def test_a_list_stops_at_the_first_bad_event_and_answers_what_was_accepted_before(face: Face) -> None:
    reply = send(face, [{"name": "a"}, {"name": "b"}, {"name": ""}, {"name": "d"}])
    assert reply.status == 400
    problem = reply.json
    assert problem["index"] == 2
    assert "event 2: event name is empty" in problem["error"]
    assert [Event.objects.get(id=id).name for id in problem["ids"]] == ["a", "b"]
    assert sorted(stored_names()) == ["a", "b"]


def test_a_repeated_event_id_is_stored_and_marked_as_a_duplicate(face: Face) -> None:
    [first] = send(face, GOOD | {"id": "o-42"}).json["ids"]
    [second] = send(face, GOOD | {"id": "o-42"}).json["ids"]
    assert first != second
    assert Event.objects.get(id=first).duplicate_of is None
    assert Event.objects.get(id=second).duplicate_of == first


@pytest.mark.parametrize("id", [None, "new", "used"])  # the sender's own: none, one, one of an earlier event
def test_a_seed_makes_the_ids_so_that_a_retry_stores_nothing_more(face: Face, id: str | None) -> None:
    send(face, {"name": "earlier", "id": "used"})
    body = [{"name": "a", "id": id}, {"name": "b"}]
    replies = [send(face, body, **{"x-inngest-event-id-seed": SEED}) for _ in range(2)]
    expected = [seeded_id(1795367318797, b"O\xd4\x8a\x07\x9aN5\xb5\x1d\x05", index) for index in (1, 2)]
    assert [reply.json for reply in replies] == [{"ids": expected, "status": 200}] * 2
    assert sorted(stored_names()) == ["a", "b", "earlier"]


@pytest.mark.parametrize(
    "seed",
    [
        "nonsense",  # no comma
        "x,T9SKB5pONbUdBQ==",  # no number
        "1795367318797,T9SK",  # too little entropy
        "1795367318797,T9SKB5pONbUdBQ",  # no padding
        "-5,T9SKB5pONbUdBQ==",  # before 1970
        "99999999999999999999,T9SKB5pONbUdBQ==",  # after everything
        "9" * 5000 + ",T9SKB5pONbUdBQ==",  # no number int() reads
        "1,2,3",
    ],
)
def test_a_malformed_seed_is_ignored(face: Face, seed: str) -> None:
    reply = send(face, GOOD, **{"x-inngest-event-id-seed": seed})
    assert reply.status == 200
    assert stored_names() == ["order/placed"]


def test_a_body_over_the_limit_is_not_read_to_its_end(face: Face, settings: Settings) -> None:
    settings.ORCHESTRATOR = settings.ORCHESTRATOR | {"MAX_BODY_BYTES": 100_000}
    reply = send(face, b'[{"name": "a", "data": {"x": "' + b"x" * 5_000_000 + b'"}}]')
    assert reply.status == 413
    assert "over 100000 bytes" in reply.json["detail"]
    assert reply.json["ids"] == []
    if isinstance(face, AsgiFace):
        assert face.taken_bytes == 0


def test_a_body_whose_length_was_not_announced_is_limited_too(settings: Settings) -> None:
    settings.ORCHESTRATOR = settings.ORCHESTRATOR | {"MAX_BODY_BYTES": 100_000}
    face = AsgiFace()
    reply = face.ask("POST", "/e/dev", b"x" * 5_000_000, {"content-length": ""})
    assert reply.status == 413
    assert face.taken_bytes < 300_000


def test_an_event_over_the_limit_is_named_by_its_index(face: Face, settings: Settings) -> None:
    settings.ORCHESTRATOR = settings.ORCHESTRATOR | {"MAX_EVENT_BYTES": 1000}
    reply = send(face, [{"name": "a"}, {"name": "b", "data": {"x": "x" * 2000}}])
    assert reply.status == 413
    assert (reply.json["index"], len(reply.json["ids"])) == (1, 1)


def test_a_body_may_be_larger_than_django_allows_forms_to_be(face: Face, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert send(face, [{"name": "a", "data": {"x": "x" * 2000}}]).status == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_stores_nothing() -> None:
    class Leaver(AsgiFace):
        def _chunks(self, body: bytes) -> Any:
            begun = {"type": "http.request", "body": body[:5], "more_body": True}
            return iter([begun, {"type": "http.disconnect"}])

    assert Leaver().ask("POST", "/e/dev", orjson.dumps(GOOD)).status == 0
    assert stored_names() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(face: Face, method: str) -> None:
    reply = face.ask(method, "/e/dev")
    assert reply.status == 405
    assert reply.headers["Allow"] == "POST, OPTIONS"
    assert reply.json["code"] == "method_not_allowed"
    assert reply.json["ids"] == []


def test_pages_of_any_origin_may_send_events(face: Face) -> None:
    preflight = face.ask("OPTIONS", "/e/dev", headers={"Origin": "https://shop.test"})
    assert (preflight.status, preflight.body) == (204, b"")
    assert preflight.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert preflight.headers["Access-Control-Allow-Headers"] == "*"
    for reply in (preflight, send(face, GOOD), send(face, b"nonsense")):
        assert reply.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/e/", "/e/a/b", "/elsewhere"])
def test_other_paths_are_left_to_the_project(face: Face, path: str) -> None:
    assert face.ask("POST", path, orjson.dumps(GOOD)).status == 404


class TestOutsideDevelopment:
    @pytest.fixture(autouse=True)
    def closed(self, settings: Settings, open_access: None) -> None:
        settings.ORCHESTRATOR = settings.ORCHESTRATOR | {"OPEN_ACCESS": False}

    def test_a_key_lets_events_into_its_environment(self, face: Face) -> None:
        staging = Environment.objects.create(name="staging")
        _key, secret = create_key(Key.Kind.EVENT, "shop", staging.pk)
        assert send(face, GOOD, secret).status == 200
        assert Event.objects.get().env == staging.pk

    @pytest.mark.parametrize("key", ["nonsense", "%00", "%ED%A0%80"])  # unknown, NUL, a lone surrogate
    def test_an_unknown_key_is_refused_before_the_body_is_read(self, face: Face, key: str) -> None:
        reply = send(face, b"not even JSON", key)
        assert reply.status == 401
        assert (reply.json["code"], reply.json["error"]) == ("unauthorized", "Event key not found")
        assert reply.json["ids"] == []

    def test_an_api_key_is_no_event_key(self, face: Face) -> None:
        _key, secret = create_key(Key.Kind.API, "ci")
        assert send(face, GOOD, secret).status == 401


@pytest.mark.parametrize(
    "failure, status, code",
    [
        (EngineUnavailable("the disk is full"), 503, "unavailable"),
        (OperationalError("server closed the connection"), 503, "unavailable"),
        (ZeroDivisionError("a defect"), 500, "internal"),
    ],
)
def test_a_failure_behind_the_door_is_a_problem_too(
    face: Face,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
    status: int,
    code: str,
) -> None:
    async def fail(events: Sequence[Any], **_: Any) -> list[str]:
        raise failure

    monkeypatch.setattr(ingest_http, "asend_events", fail)
    with caplog.at_level(logging.ERROR):
        reply = send(face, GOOD)
    assert (reply.status, reply.json["code"]) == (status, code)
    assert reply.json["ids"] == []
    assert "defect" not in reply.body.decode()
    assert ("Retry-After" in reply.headers) == (status == 503)


@pytest.mark.parametrize(
    "method, body",
    [
        ("POST", b"[]"),
        ("POST", orjson.dumps([{"name": "a"}, {"name": "b"}, 7])),
        ("POST", b"nonsense"),
        ("OPTIONS", b""),
        ("GET", b""),
    ],
)
def test_both_faces_give_the_same_answer(method: str, body: bytes) -> None:
    replies = [face.ask(method, "/e/dev", body, {ingest_http.SEED_HEADER: SEED}) for face in (AsgiFace(), DjangoFace())]
    asgi, django = replies
    assert (asgi.status, asgi.body) == (django.status, django.body)
    asgi.headers.pop("Content-Length", None)  # which servers add
    assert asgi.headers.items() <= django.headers.items()  # the project's middleware adds some
