"""Every operation of the OpenAPI document meets what nobody should send: a clear 4xx, and nothing is stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from django.test import Client

from orchestrator.api.api import api
from orchestrator.engine import scheduling
from orchestrator.engine.runtime import Runtime
from orchestrator.models import Run
from tests.api import hostile
from tests.api.rows import stored
from tests.console.factories import RunBuilder, fresh_id, make_event, make_function

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True, slots=True)
class Operation:
    """``schema`` is what its body looks like, if it takes one."""

    method: str
    path: str
    parameters: tuple[str, ...]
    schema: Mapping[str, Any] | None

    def at(self, id: str) -> str:
        return self.path.replace("{id}", id).replace("{key}", id)


def operations() -> Iterator[Operation]:
    document = api.get_openapi_schema()
    for path, methods in document["paths"].items():
        for method, details in methods.items():
            queries = tuple(each["name"] for each in details["parameters"] if each["in"] == "query")
            yield Operation(method.upper(), path, queries, _body(document, details))


def _body(document: Any, details: Any) -> Any:
    for media in details.get("requestBody", {}).get("content", {}).values():
        options = [media["schema"], *media["schema"].get("anyOf", ()), *media["schema"].get("oneOf", ())]
        for option in options:
            found = document["components"]["schemas"][option["$ref"].rpartition("/")[2]] if "$ref" in option else option
            if "properties" in found:
                return found
    return None


OPERATIONS = list(operations())


def _cases(*chosen: Operation) -> dict[str, Any]:
    return {"argvalues": chosen, "ids": [f"{each.method} {each.path}" for each in chosen]}


ALL = _cases(*OPERATIONS)
POSTS = _cases(*(each for each in OPERATIONS if each.method == "POST"))
GETS = _cases(*(each for each in OPERATIONS if each.method == "GET"))
WITH_FIELDS = _cases(*(each for each in OPERATIONS if each.schema))
WITH_ID = _cases(*(each for each in OPERATIONS if "{id}" in each.path))
# The least that an operation takes, by its last word.
SOUND: dict[str, dict[str, Any]] = {
    "events": {"name": "order/placed"},
    "trigger": {"data": {}},
    "signal": {"name": "go"},
    "schedules": {"key": "hourly", "function": "ship-order", "every": "1h"},
    "pauses": {"kind": "function", "name": "ship-order"},
    "resume": {"kind": "function", "name": "ship-order"},
    "preview": {"every": "1h"},
    "backfill": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T03:00:00Z", "preview": True},
}


@pytest.fixture
def known(engine: Runtime, client: Client) -> Mapping[str, str]:
    """An id that is there, by the collection it is in."""
    make_function("ship-order", triggers=[{"event": "order/placed"}])
    engine.refresh_catalog()
    event = make_event("order/placed", {"order": 1})
    run = RunBuilder("ship-order").step("load").save("waiting", event=event)
    scheduling.put("hourly", "ship-order", {"every": "1h"})
    return {"schedules": "hourly", "runs": run.id, "events": event.id, "functions": "ship-order", "pauses": ""}


def assert_refused(answer: Any, what: str) -> None:
    assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.content[:300])
    assert answer["Content-Type"] == "application/problem+json", what
    body = orjson.loads(answer.content)
    assert body["status"] == answer.status_code, what
    assert body["code"], what
    assert body["detail"], what
    assert len(answer.content) < 4_000, (what, "an answer repeats what was sent")


def assert_sane(answer: Any, what: str) -> None:
    """Taken, or refused clearly."""
    if answer.status_code != 200:
        assert_refused(answer, what)


def ids_of(operation: Operation, known: Mapping[str, str]) -> str:
    return operation.at(known[operation.path.split("/")[3]])


@pytest.mark.parametrize("operation", **POSTS)
def test_bodies_that_nothing_can_take(operation: Operation, known: Mapping[str, str], client: Client) -> None:
    path, before = ids_of(operation, known), stored()
    for what, body in hostile.BODIES.items():
        assert_refused(client.post(path, body, content_type="application/json"), what)
    assert stored() == before


@pytest.mark.parametrize("operation", **WITH_FIELDS)
def test_fields_of_every_kind(operation: Operation, known: Mapping[str, str], client: Client) -> None:
    path = ids_of(operation, known)
    sound = SOUND.get(operation.path.rpartition("/")[2], {})
    for what, body in hostile.field_bodies(operation.schema or {}, sound):
        before = stored()
        answer = client.post(path, body, content_type="application/json")
        assert_sane(answer, what)
        if answer.status_code != 200:
            assert stored() == before, what
        Run.objects.filter(id=known["runs"]).update(status="waiting", ended_at=None)  # terminate had its way


@pytest.mark.parametrize("operation", **POSTS)
def test_content_types(operation: Operation, known: Mapping[str, str], client: Client) -> None:
    path = ids_of(operation, known)
    for content_type in hostile.CONTENT_TYPES:
        for body in (b"a=1&b=2", b"--x\r\nnonsense", b"\x1f\x8b\x08nonsense"):
            before = stored()
            assert_refused(client.generic("POST", path, body, content_type=content_type), content_type)
            assert stored() == before


@pytest.mark.parametrize("operation", **WITH_ID)
def test_ids_in_paths(operation: Operation, known: Mapping[str, str], client: Client) -> None:
    before = stored()
    body = orjson.dumps(SOUND.get(operation.path.rpartition("/")[2], {}))
    for segment in [*hostile.SEGMENTS, fresh_id()]:
        answer = client.generic(operation.method, operation.at(segment), body, content_type="application/json")
        assert_refused(answer, segment[:40])
    assert stored() == before


@pytest.mark.parametrize("operation", **GETS)
def test_query_strings(operation: Operation, known: Mapping[str, str], client: Client) -> None:
    path, before = ids_of(operation, known), stored()
    for name in (*operation.parameters, "nobody%00"):
        for value in hostile.QUERY_VALUES:
            assert_sane(client.get(f"{path}?{name}={value}"), f"{name}={value[:40]}")
        assert_sane(client.get(f"{path}?{name}=1&{name}=%00&{name}[]=2"), f"{name} thrice")
    assert_sane(client.get(path + "?" + "&".join(f"a{n}=1" for n in range(5_000))), "many parameters")
    assert stored() == before


@pytest.mark.parametrize("operation", **ALL)
def test_headers(operation: Operation, known: Mapping[str, str], client: Client) -> None:
    path, before = ids_of(operation, known), stored()
    for header in ("Bearer " + "x" * 60_000, "Bearer \x00", "Bearer ÿþ", "Bearer", "\t", "Basic Og=="):
        assert_refused(client.generic(operation.method, path, headers={"Authorization": header}), header[:20])
    for length in ("-1", "nonsense", "9" * 50, "1e9", ""):
        answer = client.generic(operation.method, path, b"", CONTENT_LENGTH=length, headers={"Authorization": "x"})
        assert_refused(answer, f"Content-Length: {length}")
    assert stored() == before
    for headers in ({"Accept": "\0" * 500}, {"Range": "bytes=0-"}, {"X-HTTP-Method-Override": "DELETE"}):
        assert client.generic("HEAD", path, headers=headers).status_code < 500
