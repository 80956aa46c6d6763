"""What the OpenAPI document says of errors: each operation may answer a problem."""

from typing import Any

from pydantic import TypeAdapter

from orchestrator.api.problems import PROBLEM_JSON
from orchestrator.api.values import Problem

REF = "#/components/schemas/{model}"


def with_problems(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, with Problem as the answer of every operation for every other status."""
    shape = TypeAdapter(Problem).json_schema(ref_template=REF)
    schema["components"]["schemas"].update(shape.pop("$defs", {}), Problem=shape)
    answer = {
        "description": "What is wrong.",
        "content": {PROBLEM_JSON: {"schema": {"$ref": REF.format(model="Problem")}}},
    }
    for methods in schema["paths"].values():
        for operation in methods.values():
            given = {str(status): details for status, details in operation["responses"].items()}
            operation["responses"] = given | {"default": answer}
    return schema
