"""Invoices, in bad weather at the bank."""

from collections.abc import Iterator

import pytest

from examples.bank import STOLEN
from examples.functions.invoice import OrderCompleted
from examples.models import Charge, Invoice, Mail
from orchestrator.testing import Harness

pytestmark = pytest.mark.django_db


@pytest.fixture
def harness() -> Iterator[Harness]:
    with Harness(database="default") as harness:
        yield harness


def order(**how: object) -> OrderCompleted:
    return OrderCompleted.model_validate({"order": 7, "email": "ada@example.com", "amount_cents": 4200, **how})


def test_an_order_is_charged_once(harness: Harness) -> None:
    [run] = harness.send(order())
    invoice, charge = Invoice.objects.get(), Charge.objects.get()
    assert run.output == invoice.receipt == f"receipt-{charge.pk}"
    assert (invoice.state, charge.amount_cents, charge.calls) == ("paid", 4200, 1)
    assert charge.booked_at is not None
    assert Mail.objects.get().subject == f"Invoice {invoice.pk} is paid"


def test_a_charge_whose_answer_was_lost_is_booked_once(harness: Harness) -> None:
    [run] = harness.send(order(bank={"lost": 2}))
    harness.advance("10s")
    assert (run.status, run.steps["charge"].attempts) == ("completed", 3)
    assert Charge.objects.get().calls == 3
    assert Invoice.objects.get().receipt == run.output


def test_a_busy_bank_says_when_to_come_back(harness: Harness) -> None:
    [run] = harness.send(order(bank={"busy": 1}))
    harness.advance("900ms")
    assert run.steps["charge"].attempts == 1
    harness.advance("100ms")
    assert (run.status, run.steps["charge"].attempts) == ("completed", 2)
    assert run.steps["write-invoice"].attempts == 1


def test_a_stolen_card_is_not_tried_again(harness: Harness) -> None:
    [run] = harness.send(order(card=STOLEN))
    assert (run.status, run.steps["charge"].attempts) == ("failed", 1)
    assert (run.error or "").endswith("the card was reported stolen")
    assert Invoice.objects.get().state == "unpaid"
    assert Mail.objects.get().subject == f"Invoice {Invoice.objects.get().pk}: please give us another card"
    assert not Charge.objects.exists()


def test_a_bank_that_never_answers_leaves_the_invoice_unpaid(harness: Harness) -> None:
    [run] = harness.send(order(bank={"lost": 99}))
    harness.advance("1 hour")
    assert (run.status, run.steps["charge"].attempts) == ("failed", 5)
    assert Invoice.objects.get().state == "unpaid"
