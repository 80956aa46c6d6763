"""A value that fits a JSON schema, to begin a payload with."""

from collections.abc import Mapping
from typing import Any

DEEPEST = 8
TEXTS = {
    "date-time": "2026-01-31T09:00:00Z",
    "date": "2026-01-31",
    "time": "09:00:00Z",
    "duration": "PT15M",
    "email": "ada@example.com",
    "uri": "https://example.com",
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
    "binary": "",
}


def sample(schema: Any) -> Any:
    """The schema's own example or default, else required fields and those with a default, filled by their types."""
    root = schema if isinstance(schema, Mapping) else {}
    return _sample(root, root, 0)


def _sample(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return None
    for key in ("examples", "enum"):
        if isinstance(schema.get(key), list) and schema[key]:
            return schema[key][0]
    for key in ("example", "default", "const"):
        if key in schema:
            return schema[key]
    if "$ref" in schema:
        return _sample(_target(root, str(schema["$ref"])), root, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return _sample(_first_real(schema[key]), root, depth + 1)
    return _of_type(schema, root, depth)


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else None)
    match kind[0] if isinstance(kind, list) and kind else kind:
        case "object":
            return _object(schema, root, depth)
        case "array":
            return [_sample(schema["items"], root, depth + 1)] if schema.get("minItems") and "items" in schema else []
        case "string":
            return TEXTS.get(str(schema.get("format")), "text"[: schema.get("maxLength", 4)])
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return False
        case None if depth == 0:
            return {}
        case _:
            return None


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    required = schema.get("required") or ()
    wanted = [name for name, each in properties.items() if name in required or "default" in each]
    return {name: _sample(properties[name], root, depth + 1) for name in wanted}


def _number(schema: Mapping[str, Any]) -> Any:
    if "minimum" in schema:
        return schema["minimum"]
    if "exclusiveMinimum" in schema:
        return schema["exclusiveMinimum"] + 1
    return min(1, schema.get("maximum", 1))


def _first_real(options: list[Any]) -> Any:
    """The first that is not null."""
    return next((option for option in options if option != {"type": "null"}), options[0])


def _target(root: Mapping[str, Any], ref: str) -> Any:
    place: Any = root
    for part in ref.removeprefix("#/").split("/"):
        place = place.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(place, Mapping) else None
    return place
