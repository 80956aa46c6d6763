"""JSON schemas of payloads, for doors that check or fill in what a person types."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError

from orchestrator.sdk.arguments import annotations, signature

UNDESCRIBABLE = (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError, TypeError)


def task_schema(body: Callable[..., Any]) -> dict[str, Any]:
    """The object of a task's arguments."""
    hints = annotations(body)
    parameters = signature(body).parameters
    required = [name for name, p in parameters.items() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    properties = {name: _schema(hints.get(name, Any)) for name in parameters}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def event_schema(payloads: Mapping[str, type[Any]]) -> dict[str, Any] | None:
    """The data of a function's events; None when it declares no payload class."""
    schemas = [_schema(payload) for payload in payloads.values()]
    if not schemas:
        return None
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _schema(annotation: Any) -> dict[str, Any]:
    """What pydantic says of it; anything goes where it says nothing."""
    try:
        return TypeAdapter(annotation).json_schema()
    except UNDESCRIBABLE:
        return {}
