"""Schemathesis makes up requests by the OpenAPI document, right and wrong ones: no 5xx, and answers as described."""

from collections.abc import Mapping

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from orchestrator.api.api import api
from orchestrator.engine.runtime import Runtime
from tests.console.factories import RunBuilder, make_event, make_function

pytestmark = pytest.mark.django_db(transaction=True)

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
OPERATIONS = [
    (method.upper(), path) for path, methods in api.get_openapi_schema()["paths"].items() for method in methods
]


@pytest.fixture
def known(engine: Runtime) -> Mapping[str, str]:
    """An id that is there, by the collection it is in."""
    make_function("ship-order", triggers=[{"event": "order/placed"}])
    engine.refresh_catalog()
    event = make_event("order/placed", {"order": 1})
    run = RunBuilder("ship-order").step("load").save("waiting", event=event)
    return {"runs": run.id, "events": event.id, "functions": "ship-order"}


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("method, path", OPERATIONS, ids=[" ".join(operation) for operation in OPERATIONS])
def test_no_request_breaks_the_api(
    method: str, path: str, mode: schemathesis.GenerationMode, known: Mapping[str, str], api_secret: str
) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", WSGIHandler())
    operation = schema[path][method]
    collection = path.split("/")[3]

    # The same requests each time: a run of the suite says what the one before it said.
    @settings(
        max_examples=8,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    def ask(case: schemathesis.Case, is_known: bool) -> None:
        if is_known and "{id}" in path:
            case.path_parameters["id"] = known[collection]
        case.call_and_validate(headers={"Authorization": f"Bearer {api_secret}"}, checks=CHECKS)

    ask()
