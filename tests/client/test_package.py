"""The package as other services meet it: without Django, by arguments or the environment, two faces of one thing."""

import inspect
import subprocess
import sys
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from orchestrator.api.api import api
from orchestrator.client import (
    AsyncClient,
    Attempt,
    Client,
    Event,
    FieldFault,
    Misconfigured,
    Progress,
    Run,
    RunError,
    Sample,
    Step,
)
from orchestrator.core.errors import InvalidInput
from tests.client.faces import BlockingFace, Faults, ok

RENAMED = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__"}


def test_importing_it_imports_no_django() -> None:
    program = (
        "import sys, orchestrator.client\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'django', 'ninja', 'channels', 'psycopg'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_both_clients_have_the_same_methods() -> None:
    def described(client: type) -> dict[str, Any]:
        found = {}
        for name, method in inspect.getmembers(client, inspect.isfunction):
            parameters = [str(each) for each in inspect.signature(method).parameters.values()]
            public = name == "__init__" or not name.startswith("_")
            if public and name != "__init__":
                found[RENAMED.get(name, name)] = (parameters, inspect.getdoc(method))
        return found

    assert described(Client) == described(AsyncClient)
    assert len(described(Client)) == 12


@pytest.mark.parametrize(
    "value, shape",
    [
        (Run, "Run"),
        (Step, "Step"),
        (Attempt, "Attempt"),
        (RunError, "Error"),
        (FieldFault, "FieldFault"),
        (Progress, "Progress"),
        (Sample, "Sample"),
    ],
)
def test_its_values_have_the_fields_that_the_api_describes(value: Any, shape: str) -> None:
    described = api.get_openapi_schema()["components"]["schemas"][shape]["properties"]
    assert {field.name for field in fields(value)} == set(described)


class TestWhere:
    @pytest.fixture(autouse=True)
    def nothing_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SIGNALBOX_URL", raising=False)
        monkeypatch.delenv("SIGNALBOX_API_KEY", raising=False)

    def asked(self, *args: Any, **options: Any) -> httpx.Request:
        faults = Faults([ok({"run_id": "x"})])
        with Client(*args, transport=httpx.MockTransport(faults), **options) as client:
            client.trigger("ship/order now")
        return faults.asked[0]

    def test_arguments(self) -> None:
        request = self.asked("https://jobs.example.com/signalbox/", "sba_secret")
        assert str(request.url) == "https://jobs.example.com/signalbox/api/v1/functions/ship/order%20now/trigger"
        assert request.headers["Authorization"] == "Bearer sba_secret"
        assert request.headers["Content-Type"] == "application/json"

    def test_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SIGNALBOX_URL", "http://127.0.0.1:8000/api/v1")
        monkeypatch.setenv("SIGNALBOX_API_KEY", "sba_secret")
        request = self.asked()
        assert str(request.url) == "http://127.0.0.1:8000/api/v1/functions/ship/order%20now/trigger"
        assert request.headers["Authorization"] == "Bearer sba_secret"
        assert str(self.asked("http://other:1").url).startswith("http://other:1/api/v1/")

    def test_open_access_needs_no_key(self) -> None:
        assert "Authorization" not in self.asked("http://127.0.0.1:8000").headers

    @pytest.mark.parametrize(
        "url", ["", "127.0.0.1:8000", "ftp://x", "http://", "http://[", "http://a?b=c", "http://a#b"]
    )
    def test_an_address_that_is_none(self, url: str) -> None:
        with pytest.raises(Misconfigured):
            Client(url)

    @pytest.mark.parametrize("key", ["sba_\nX-Other: 1", "schlüssel"])
    def test_a_key_that_is_none(self, key: str) -> None:
        with pytest.raises(Misconfigured):
            Client("http://a", key)

    @pytest.mark.parametrize("options", [{"timeout": "soon"}, {"timeout": 0}, {"retries": -1}])
    def test_options_that_are_none(self, options: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput if "retries" in options else Exception, match=r"timeout|duration|max_attempts"):
            Client("http://a", **options)


class TestWhatIsSent:
    def body(self, method: str, *args: Any, **options: Any) -> Any:
        faults = Faults([ok({"ids": ["x"], "run_id": "x"})])
        BlockingFace().call(method, *args, faults=faults, **options)
        return orjson.loads(faults.asked[0].content)

    def test_an_event(self) -> None:
        moment = datetime(2026, 1, 1, 9, tzinfo=UTC)
        body = self.body("send", "order/placed", {"order": 1}, id="o1", ts=moment, user={"id": 5}, v="2")
        assert body == [
            {"name": "order/placed", "data": {"order": 1}, "id": "o1", "ts": 1767258000000, "user": {"id": 5}, "v": "2"}
        ]

    def test_data_may_be_a_dataclass(self) -> None:
        assert self.body("send_many", [Event("a", FieldFault("body", "x", "y"), id="1")])[0]["data"] == {
            "location": "body",
            "field": "x",
            "message": "y",
        }

    def test_a_moment_without_a_time_zone_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="time zone"):
            self.body("send", "a", ts=datetime(2026, 1, 1, 9))

    def test_a_delay(self) -> None:
        for delay in ("10m", timedelta(minutes=10), 600):
            assert self.body("trigger", "charge", delay=delay, key="k") == {
                "data": {},
                "delay": 600.0,
                "idempotency_key": "k",
            }
