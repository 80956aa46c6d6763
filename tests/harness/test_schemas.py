"""What a function says of its payload to doors."""

from orchestrator.sdk.registry import registry
from tests.harness.stories import charge, nightly, onboarding


def schema(function_id: str) -> object:
    return registry.get(function_id).config["payload_schema"]


def test_a_tasks_schema_is_its_signature() -> None:
    assert schema(charge.id) == {
        "type": "object",
        "properties": {"amount": {"type": "integer"}},
        "required": ["amount"],
        "additionalProperties": False,
    }


def test_an_event_functions_schema_is_its_payload_class() -> None:
    described = schema(onboarding.id)
    assert isinstance(described, dict)
    assert described["required"] == ["user_id", "email"]


def test_a_function_without_a_payload_class_says_nothing() -> None:
    assert schema(nightly.id) is None
