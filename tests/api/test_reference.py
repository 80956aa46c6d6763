"""The OpenAPI document tells the truth, and the reference page shows it without scripts, styles or hosts of others."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import orjson
import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from orchestrator.api.docs import sections, shapes, type_text

OPERATIONS = {
    ("POST", "/api/v1/events"),
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/events/{id}"),
    ("GET", "/api/v1/events/{id}/runs"),
    ("POST", "/api/v1/events/{id}/retrigger"),
    ("GET", "/api/v1/functions"),
    ("GET", "/api/v1/functions/{id}"),
    ("POST", "/api/v1/functions/{id}/trigger"),
    ("GET", "/api/v1/pauses"),
    ("POST", "/api/v1/pauses"),
    ("POST", "/api/v1/pauses/resume"),
    ("GET", "/api/v1/runs"),
    ("GET", "/api/v1/runs/{id}"),
    ("GET", "/api/v1/runs/{id}/history"),
    ("GET", "/api/v1/runs/{id}/logs"),
    ("POST", "/api/v1/runs/{id}/cancel"),
    ("POST", "/api/v1/runs/{id}/terminate"),
    ("POST", "/api/v1/runs/{id}/unpin"),
    ("POST", "/api/v1/runs/{id}/replay"),
    ("POST", "/api/v1/runs/{id}/signal"),
    ("GET", "/api/v1/schedules"),
    ("POST", "/api/v1/schedules"),
    ("POST", "/api/v1/schedules/preview"),
    ("GET", "/api/v1/schedules/{key}"),
    ("PATCH", "/api/v1/schedules/{key}"),
    ("DELETE", "/api/v1/schedules/{key}"),
    ("GET", "/api/v1/schedules/{key}/ticks"),
    ("POST", "/api/v1/schedules/{key}/pause"),
    ("POST", "/api/v1/schedules/{key}/resume"),
    ("POST", "/api/v1/schedules/{key}/trigger"),
    ("POST", "/api/v1/schedules/{key}/backfill"),
}


@pytest.fixture
def schema() -> Any:
    answer = Client().get("/api/v1/openapi.json")
    assert answer["Content-Type"] == "application/json"
    return orjson.loads(answer.content)


def operations(schema: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_endpoint_is_described(schema: Any) -> None:
    assert schema["openapi"].startswith("3.1")
    assert {(method, path) for method, path, _ in operations(schema)} == OPERATIONS


def test_operations_have_unique_ids_tags_and_words(schema: Any) -> None:
    described = [operation for _, _, operation in operations(schema)]
    assert len({operation["operationId"] for operation in described}) == len(described)
    for operation in described:
        assert operation["tags"]
        assert operation["summary"]
        assert operation["description"]


def test_every_reference_leads_somewhere(schema: Any) -> None:
    named = schema["components"]["schemas"]
    references = set(re.findall(r'"\$ref":"#/components/schemas/([^"]+)"', orjson.dumps(schema).decode()))
    assert references <= named.keys()
    assert {"Run", "Step", "Attempt", "Event", "Function", "Problem"} <= references


def test_parameters_of_a_path_are_declared(schema: Any) -> None:
    for _, path, operation in operations(schema):
        declared = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))
        assert all(each["required"] for each in operation["parameters"] if each["in"] == "path")


def test_every_operation_may_answer_a_problem_and_asks_for_a_key(schema: Any) -> None:
    for _, _, operation in operations(schema):
        content = operation["responses"]["default"]["content"]
        assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        assert operation["responses"]["200"]["content"].keys() == {"application/json"}
        assert operation["security"] == [{"ApiKey": []}]
    assert schema["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"


def test_a_run_is_described_as_it_is_answered(schema: Any) -> None:
    run = schema["components"]["schemas"]["Run"]
    assert set(run["required"]) == run["properties"].keys()
    assert run["properties"]["queued_at"]["format"] == "date-time"
    assert "Always empty in lists" in run["properties"]["steps"]["description"]


def test_bodies_are_described(schema: Any) -> None:
    def fields(path: str) -> set[str]:
        [content] = schema["paths"][path]["post"]["requestBody"]["content"].values()
        found: set[str] = set(re.findall(r'"#/components/schemas/(\w+)"', orjson.dumps(content).decode()))
        return {field for name in found for field in schema["components"]["schemas"][name]["properties"]}

    assert fields("/api/v1/functions/{id}/trigger") == {"data", "idempotency_key", "delay"}
    assert fields("/api/v1/runs/{id}/replay") == {"from_step", "data", "key"}
    assert fields("/api/v1/runs/{id}/signal") == {"name", "data", "key"}
    assert fields("/api/v1/runs/{id}/cancel") == {"reason"}
    assert fields("/api/v1/events/{id}/retrigger") == {"data"}


class Html(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]


@pytest.fixture
def reference() -> Html:
    answer = Client().get("/api/v1/docs")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/html")
    return Html(answer.content.decode())


def test_the_page_needs_nothing_but_this_server(reference: Html) -> None:
    names = {tag for tag, _ in reference.tags}
    assert not names & {"script", "style", "iframe", "object", "img"}
    attributes = {name for _, attrs in reference.tags for name in attrs}
    assert "style" not in attributes
    assert not {name for name in attributes if name.startswith("on")}
    addresses = reference.all("href") + reference.all("src")
    assert addresses
    assert all(address.startswith(("/", "#", "data:,")) for address in addresses)


def test_the_page_names_every_operation_and_its_links_lead_somewhere(reference: Html, schema: Any) -> None:
    ids = reference.all("id")
    assert len(ids) == len(set(ids))
    assert {operation["operationId"] for _, _, operation in operations(schema)} <= set(ids)
    inner = {address[1:] for address in reference.all("href") if address.startswith("#")}
    assert inner <= set(ids)
    assert "/api/v1/openapi.json" in reference.all("href")


def test_the_style_sheet_is_served_from_here(reference: Html) -> None:
    [sheet] = [attrs["href"] for tag, attrs in reference.tags if tag == "link" and attrs.get("rel") == "stylesheet"]
    assert sheet == "/static/orchestrator/api_docs.css"
    assert finders.find("orchestrator/api_docs.css")


@pytest.mark.parametrize(
    "schema, expected",
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "date-time"}, "string (date-time)"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"type": ["number", "string"]}, "number or string"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Run"}}, "list of Run"),
        ({"type": "array"}, "list of any JSON"),
        ({"$ref": "#/components/schemas/Page_Run_"}, "Page of Run"),
        ({"allOf": [{"$ref": "#/components/schemas/Run"}]}, "Run"),
        ({"oneOf": [{"type": "object"}, {"type": "object"}]}, "object"),  # said once
        ({}, "any JSON"),
    ],
)
def test_a_type_is_said_in_a_few_words(schema: Any, expected: str) -> None:
    assert type_text(schema) == expected


def test_the_body_of_sending_events_is_shown_field_by_field(schema: Any) -> None:
    found = {operation.id: operation for section in sections(schema) for operation in section.operations}
    assert [field.name for field in found["send_events"].body] == ["name", "data", "id", "ts", "user", "v"]
    assert found["send_events"].body[0].required
    assert [field.name for field in found["list_runs"].parameters] == [
        "event_id", "event_name", "function", "status", "since", "until", "error", "cursor", "limit",
    ]  # fmt: skip
    assert found["get_run"].answer_shape == "Run"
    [run] = [shape for shape in shapes(schema) if shape.name == "Run"]
    assert [field.shape for field in run.fields if field.name == "steps"] == ["Step"]
    [status] = [shape for shape in shapes(schema) if shape.name == "Status"]
    assert {"queued", "timed_out"} <= set(status.words)
