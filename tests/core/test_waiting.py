"""What a run waits for is said in words an operator understands."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from orchestrator.core.moments import iso
from orchestrator.core.ops import WaitKind
from orchestrator.core.waiting import WaitFacts, delayed_start, sentence

NOON = datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC)
SOME_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.mark.parametrize(
    "wait, expected",
    [
        # an event, anything of that name, for ever
        (WaitFacts(WaitKind.EVENT, "paid", "payment/captured"), "event payment/captured"),
        # an event that has to match, until a time-out
        (
            WaitFacts(WaitKind.EVENT, "paid", "payment/captured", "data.order == 42", due_at=NOON),
            "event payment/captured where data.order == 42, until 2026-01-31T12:00:00.000005Z",
        ),
        (WaitFacts(WaitKind.SIGNAL, "gate", "approve"), "signal approve"),
        (
            WaitFacts(WaitKind.SIGNAL, "gate", "approve", due_at=NOON),
            "signal approve, until 2026-01-31T12:00:00.000005Z",
        ),
        (WaitFacts(WaitKind.RETRY, "charge", due_at=NOON), "retry of charge at 2026-01-31T12:00:00.000005Z"),
        # the function's own attempt has no key
        (WaitFacts(WaitKind.RETRY, "", due_at=NOON), "retry of the function at 2026-01-31T12:00:00.000005Z"),
        (WaitFacts(WaitKind.TIMER, "nap", due_at=NOON), "sleep nap until 2026-01-31T12:00:00.000005Z"),
        (WaitFacts(WaitKind.CHILD, "ship", "ship-order", child=SOME_ID), f"run {SOME_ID} of function ship-order"),
        # a child of which the step's row says nothing
        (WaitFacts(WaitKind.CHILD, "ship"), "run ship"),
    ],
)
def test_a_wait_is_a_sentence(wait: WaitFacts, expected: str) -> None:
    assert sentence(wait) == expected


def test_a_delayed_run_waits_for_its_start() -> None:
    assert delayed_start(NOON) == "start at 2026-01-31T12:00:00.000005Z"
    assert delayed_start(None) == "start"


@pytest.mark.parametrize(
    "moment, text",
    [
        (NOON, "2026-01-31T12:00:00.000005Z"),
        (NOON.replace(microsecond=0), "2026-01-31T12:00:00.000000Z"),  # whole seconds keep the form
        (NOON.astimezone(timezone(timedelta(hours=2))), "2026-01-31T12:00:00.000005Z"),  # any zone
    ],
)
def test_a_moment_is_text_of_one_form(moment: datetime, text: str) -> None:
    assert iso(moment) == text
    assert datetime.fromisoformat(text) == moment
