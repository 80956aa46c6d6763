"""The API's reference page: rendered here from the OpenAPI document, without scripts and without a CDN."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

Schema = Mapping[str, Any]
PAGE = re.compile(r"^(Page)_(\w+)_$")  # how pydantic names Page[Run]


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a property. ``shape`` names the schema it leads to, if any."""

    name: str
    type: str
    required: bool
    description: str
    place: str = ""
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: list[Field]
    body_type: str
    answer: str
    answer_shape: str


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    operations: list[Operation]


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    description: str
    fields: list[Field]
    words: list[str]  # of a closed set


class ReferencePage(DocsBase):
    """The page under ``docs_url``."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        schema = api.get_openapi_schema(path_params=kwargs)
        context = {
            "title": schema["info"]["title"],
            "description": schema["info"]["description"],
            "schema_url": self.get_openapi_url(api, kwargs),
            "sections": sections(schema),
            "shapes": shapes(schema),
        }
        return render(request, "orchestrator/api_docs.html", context)


def sections(schema: Schema) -> list[Section]:
    """The operations by tag, in the order of the document."""
    by_tag: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method, details in methods.items():
            tag = (details.get("tags") or ["other"])[0]
            by_tag.setdefault(tag, []).append(_operation(schema, path, method, details))
    return [Section(tag, operations) for tag, operations in by_tag.items()]


def shapes(schema: Schema) -> list[Shape]:
    """The named schemas with their fields."""
    named = schema["components"]["schemas"]
    return [
        Shape(name, details.get("description", ""), _fields(details), details.get("enum", []))
        for name, details in sorted(named.items())
    ]


def type_text(schema: Schema) -> str:
    """A schema in a few words, such as ``list of Run`` or ``string or null``."""
    if "$ref" in schema:
        return PAGE.sub(r"\1 of \2", _ref(schema["$ref"]))
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(type_text(option) for option in schema[word]))
    kind = schema.get("type", "any JSON")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {type_text(schema.get('items', {}))}"
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


def _operation(schema: Schema, path: str, method: str, details: Schema) -> Operation:
    body = _content(details.get("requestBody", {}))
    body_shape = _leads_to(body)
    answer = _content(details["responses"].get("200", {}))
    return Operation(
        id=details["operationId"],
        method=method.upper(),
        path=path,
        summary=details["summary"],
        description=details.get("description", ""),
        parameters=[_parameter(each) for each in details["parameters"]],
        body=_fields(schema["components"]["schemas"].get(body_shape) or _first_object(body)),
        body_type=type_text(body) if body else "",
        answer=type_text(answer),
        answer_shape=_leads_to(answer),
    )


def _parameter(details: Schema) -> Field:
    shape = details["schema"]
    return Field(details["name"], type_text(shape), details["required"], details.get("description", ""), details["in"])


def _fields(shape: Schema) -> list[Field]:
    required = shape.get("required", ())
    return [
        Field(name, type_text(each), name in required, each.get("description", ""), shape=_leads_to(each))
        for name, each in shape.get("properties", {}).items()
    ]


def _content(details: Schema) -> Schema:
    for media in details.get("content", {}).values():
        schema: Schema = media["schema"]
        return schema
    return {}


def _first_object(schema: Schema) -> Schema:
    options = schema.get("oneOf") or [schema]
    return next((option for option in options if "properties" in option), {})


def _leads_to(schema: Schema) -> str:
    if "$ref" in schema:
        return _ref(schema["$ref"])
    inner = [*schema.get("anyOf", ()), *schema.get("allOf", ()), *([schema["items"]] if "items" in schema else ())]
    return next((name for name in map(_leads_to, inner) if name), "")


def _ref(ref: str) -> str:
    return ref.rpartition("/")[2]
