import pytest
from pydantic import TypeAdapter, create_model

from console.presenters.samples import sample


@pytest.mark.parametrize(
    "schema, expected",
    [
        ({}, {}),
        (None, {}),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {}),  # not required
        ({"properties": {"a": {"type": "integer", "default": 7}}}, {"a": 7}),
        ({"properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"]}, {"a": "x"}),
        ({"properties": {"a": {"const": 3}}, "required": ["a"]}, {"a": 3}),
        ({"properties": {"a": {"anyOf": [{"type": "null"}, {"type": "boolean"}]}}, "required": ["a"]}, {"a": False}),
        ({"type": "array", "minItems": 1, "items": {"type": "number"}}, [1]),
        ({"type": "array", "items": {"type": "number"}}, []),
        ({"properties": {"a": {"type": "string", "maxLength": 2}}, "required": ["a"]}, {"a": "te"}),
        ({"properties": {"a": {"type": "integer", "exclusiveMinimum": 5}}, "required": ["a"]}, {"a": 6}),
        ({"properties": {"a": {"type": "integer", "maximum": -2}}, "required": ["a"]}, {"a": -2}),
        ({"properties": {"a": {"$ref": "#/$defs/Missing"}}, "required": ["a"]}, {"a": None}),
        ({"anyOf": [{"type": "object", "properties": {"b": {"type": "null"}}, "required": ["b"]}, {}]}, {"b": None}),
        ({"examples": [{"whole": True}], "properties": {}}, {"whole": True}),
    ],
)  # fmt: skip
def test_a_sample_fits_its_schema(schema, expected):
    assert sample(schema) == expected


def test_a_schema_that_holds_itself_ends():
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "required": ["next"]}
    assert sample({"$ref": "#/$defs/Node", "$defs": {"Node": node}}) is not None


def test_what_pydantic_describes_it_accepts():
    address = create_model("Address", street=(str, ...), zip=(str | None, None))
    order = create_model("Order", id=(int, ...), address=(address, ...), lines=(list[str], ...), paid=(bool, False))
    TypeAdapter(order).validate_python(sample(TypeAdapter(order).json_schema()))
