"""What a task is called with is checked before its author sees it."""

import pytest

from orchestrator import SyncTaskContext, task
from orchestrator.core.errors import InvalidFunction, InvalidPayload
from orchestrator.sdk.arguments import bind_json, load
from tests.harness.stories import charge, write_report


@pytest.mark.parametrize(
    "payload, complaint",
    [
        ({"amount": "much"}, "argument 'amount' of charge"),  # not a number
        ({"amount": 1.5}, "argument 'amount' of charge"),  # no whole one
        ({}, "missing a required argument: 'amount'"),
        ({"amount": 1, "tip": 2}, "unexpected keyword argument 'tip'"),
        ([1], "takes an object of its arguments"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_by_the_arguments_name(payload: object, complaint: str) -> None:
    with pytest.raises(InvalidPayload, match=complaint):
        bind_json(charge.definition.body, payload)


def test_a_payload_that_fits_comes_as_the_signature_says() -> None:
    assert load(write_report.definition.body, {"sections": ["a"]}) == {"sections": ["a"]}


def test_arguments_without_names_cannot_be_a_payload() -> None:
    with pytest.raises(InvalidFunction, match="name each of them"):

        @task(id="unnamed")
        def unnamed(ctx: SyncTaskContext, *numbers: int) -> None:
            """Never registered."""
