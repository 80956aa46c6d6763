"""Whatever goes wrong with a REST request is answered as problem JSON that says what, where and how to go on."""

import logging
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django.fixtures import Settings

from orchestrator.api.routes import runs
from orchestrator.core.errors import EngineUnavailable, MisplacedCall, RunEnded, Unserialisable
from orchestrator.engine.keys import create_key
from orchestrator.models import Environment, Key
from tests.console.factories import RunBuilder, fresh_id

pytestmark = pytest.mark.django_db
Post = Callable[..., Any]


def problem(answer: Any, status: int) -> dict[str, Any]:
    """The body, after a look at what every problem must have."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = orjson.loads(answer.content)
    assert body["status"] == status
    assert {"type", "title", "status", "detail", "code"} <= body.keys()
    assert body["type"] == "about:blank"
    assert body["detail"]
    return body


def test_a_path_that_does_not_exist(client: Client) -> None:
    for path in ("/api/v1/nothing", "/api/v1/runs/x/y/z", "/api/v1/runs/"):
        body = problem(client.get(path), 404)
        assert body["code"] == "not_found"
        assert path in body["detail"]


def test_a_method_that_is_not_there(client: Client) -> None:
    for method in ("PUT", "DELETE", "PATCH", "POST"):
        answer = client.generic(method, "/api/v1/runs")
        assert problem(answer, 405)["code"] == "method_not_allowed"
        assert answer["Allow"] == "GET"


def test_the_root_leads_to_the_reference(client: Client) -> None:
    assert client.get("/api/v1/")["Location"] == "/api/v1/docs"


class TestWhoMayAsk:
    def test_nobody_without_a_key(self, db: None) -> None:
        for path in ("/api/v1/runs", "/api/v1/events", "/api/v1/functions", f"/api/v1/runs/{fresh_id()}"):
            answer = Client().get(path)
            assert problem(answer, 401)["code"] == "unauthorized"
            assert answer["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        "header",
        [
            "Bearer nonsense",  # no key
            "Bearer ",  # nothing
            "Bearer",
            "Basic dXNlcjpwYXNz",  # another way to sign in
            "Bearer \x00\ud7ff",  # nothing a key consists of
        ],
    )
    def test_nobody_with_something_else(self, db: None, header: str) -> None:
        assert problem(Client(headers={"Authorization": header}).get("/api/v1/runs"), 401)

    def test_no_event_key(self, event_secret: str) -> None:
        client = Client(headers={"Authorization": f"Bearer {event_secret}"})
        assert problem(client.get("/api/v1/runs"), 401)

    def test_a_key_of_an_environment_sees_that_one_only(self, client: Client) -> None:
        staging = Environment.objects.create(name="staging")
        _key, secret = create_key(Key.Kind.API, "staging", staging.pk)
        run = RunBuilder(env=staging.pk).save("completed")
        theirs = Client(headers={"Authorization": f"bearer {secret}"}).get("/api/v1/runs")
        assert [each["id"] for each in orjson.loads(theirs.content)["data"]] == [run.id]
        assert orjson.loads(client.get("/api/v1/runs").content)["data"] == []

    def test_in_development_everybody_on_this_server(self, open_access: None) -> None:
        assert Client().get("/api/v1/runs").status_code == 200
        assert Client(headers={"Authorization": "Bearer anything"}).get("/api/v1/runs").status_code == 200
        assert Client(headers={"Origin": "http://testserver"}).get("/api/v1/runs").status_code == 200

    @pytest.mark.parametrize(
        "headers", [{"Origin": "https://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
    )
    def test_in_development_no_page_of_another_site(self, open_access: None, headers: dict[str, str]) -> None:
        answer = Client(headers=headers).post(f"/api/v1/runs/{fresh_id()}/cancel")
        assert problem(answer, 403)["code"] == "forbidden"

    def test_the_description_is_open(self, db: None) -> None:
        assert Client().get("/api/v1/openapi.json").status_code == 200
        assert Client().get("/api/v1/docs").status_code == 200


class TestBodies:
    @pytest.fixture
    def path(self) -> str:
        return f"/runs/{RunBuilder().save('running').id}/signal"

    @pytest.mark.parametrize(
        "body, part",
        [
            (b'{"name": "x"', "line 1, column 13"),  # cut off
            (b'{"name": "x",\n "data": NaN}', "line 2, column 10"),  # no number of JSON's
            (b'{"name": "x", "data": "\\ud800"}', "line 1"),  # a lone surrogate
            (b'\xff{"name": "x"}', "line 1"),  # no UTF-8
            (b'{"name": "x"} {}', "line 1, column 15"),  # two documents
            (b"[" * 3000, "line 1"),  # deeper than any reader goes
        ],
    )
    def test_what_is_no_json_is_refused_with_its_place(self, post: Post, path: str, body: bytes, part: str) -> None:
        answered = problem(post(path, body), 400)
        assert answered["code"] == "invalid_json"
        assert part in answered["detail"]
        assert isinstance(answered["position"], int)

    @pytest.mark.parametrize(
        "body, field, part",
        [
            ({}, "name", "required"),
            ({"name": ""}, "name", "at least 1 character"),
            ({"name": 5}, "name", "string"),
            ({"name": "x" * 256}, "name", "at most 255"),
            ({"name": "a\0b"}, "name", "NUL"),
            ({"name": "x", "key": "a\0b"}, "key", "NUL"),
            ({"name": "x", "nmae": 1}, "nmae", "not permitted"),
            ([1], "", "valid dictionary"),
            ("text", "", "valid dictionary"),
        ],
    )
    def test_fields_that_are_wrong_are_named(self, post: Post, path: str, body: Any, field: str, part: str) -> None:
        answered = problem(post(path, orjson.dumps(body)), 400)
        assert answered["code"] == "invalid_input"
        [fault] = answered["errors"]
        assert (fault["location"], fault["field"]) == ("body", field)
        assert part in fault["message"]
        assert part in answered["detail"]

    def test_a_body_that_is_missing(self, post: Post, path: str) -> None:
        [fault] = problem(post(path), 400)["errors"]
        assert fault == {"location": "body", "field": "", "message": "Field required"}

    def test_a_body_over_the_limit(self, post: Post, path: str, settings: Settings) -> None:
        settings.ORCHESTRATOR = settings.ORCHESTRATOR | {"MAX_BODY_BYTES": 1000}
        answered = problem(post(path, orjson.dumps({"name": "x", "data": "x" * 2000})), 413)
        assert answered["code"] == "too_large"
        assert "1000 bytes" in answered["detail"]

    def test_a_body_over_djangos_limit(self, post: Post, path: str, settings: Settings) -> None:
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 500
        answered = problem(post(path, orjson.dumps({"name": "x", "data": "x" * 2000})), 413)
        assert "500 bytes" in answered["detail"]


class TestFailures:
    @pytest.mark.parametrize(
        "failure, status, code, logged",
        [
            (RunEnded("run is completed: it takes no signals"), 409, "run_ended", []),
            (Unserialisable("$.x is a set", "$.x"), 400, "unserialisable", []),
            (EngineUnavailable("the disk is full"), 503, "unavailable", []),
            (OperationalError("server closed the connection"), 503, "unavailable", ["api.database_failed"]),
            (MisplacedCall("a defect of ours"), 500, "internal", ["api.failed"]),
            (ZeroDivisionError("a defect of ours"), 500, "internal", ["api.failed"]),
        ],
    )
    def test_what_a_verb_raises_is_answered(
        self, post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: Exception,
        status: int,
        code: str,
        logged: list[str],
    ) -> None:  # fmt: skip
        run = RunBuilder().save("running")
        self.break_cancel(monkeypatch, failure)
        with caplog.at_level(logging.ERROR):
            answer = post(f"/runs/{run.id}/cancel")
        body = problem(answer, status)
        assert body["code"] == code
        assert "traceback" not in body
        assert b"defect" not in answer.content
        assert (status == 503) == answer.has_header("Retry-After")
        assert [record.message for record in caplog.records if record.name.startswith("orchestrator")] == logged

    def test_only_debug_mode_shows_the_traceback(
        self, post: Post, monkeypatch: pytest.MonkeyPatch, settings: Settings
    ) -> None:
        settings.DEBUG = True
        self.break_cancel(monkeypatch, ZeroDivisionError("a defect of ours"))
        body = problem(post(f"/runs/{RunBuilder().save('running').id}/cancel"), 500)
        assert "ZeroDivisionError: a defect of ours" in body["traceback"]

    @staticmethod
    def break_cancel(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
        def fail(run_id: str, **_: Any) -> None:
            raise failure

        monkeypatch.setattr(runs, "cancel_run", fail)
