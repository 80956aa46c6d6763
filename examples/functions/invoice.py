"""Invoice: a charge that is tried again until the bank answers, and booked once however often it is tried.

A bank that is ``busy`` says when to come back. One whose answer is ``lost`` has booked the charge, as when a connection
breaks: the key is the same at every attempt, so the next one gets the same receipt.

    curl -d '{"name": "order/completed", "data": {"order": 7, "email": "ada@example.com", "amount_cents": 4200,
              "bank": {"busy": 1, "lost": 1}}}' http://127.0.0.1:8000/e/dev
"""

from pydantic import BaseModel

from examples.bank import Mood, charge_card
from examples.mail import send_mail
from examples.models import Invoice
from orchestrator import Context, Retries, StepError, event, function


@event("order/completed")
class OrderCompleted(BaseModel):
    order: int
    email: str
    amount_cents: int
    card: str = "4242 4242 4242 4242"
    bank: Mood = Mood()


@function(on=OrderCompleted, retries=Retries(max_attempts=5, initial="1s"))
async def invoice(ctx: Context[OrderCompleted]) -> str:
    """Writes an invoice and charges it to the customer's card."""
    order, step = ctx.event.data, ctx.step
    key = ctx.idempotency_key("charge")
    number = await step.transaction("write-invoice", write_invoice, order)
    try:
        receipt = await step.run("charge", charge_card, order.card, order.amount_cents, key=key, mood=order.bank)
    except StepError:
        await step.transaction("mark-unpaid", mark_unpaid, number, order.email)
        raise
    await step.transaction("mark-paid", mark_paid, number, order.email, receipt)
    return receipt


def write_invoice(order: OrderCompleted) -> int:
    return Invoice.objects.create(order=order.order, email=order.email, amount_cents=order.amount_cents).pk


def mark_paid(number: int, email: str, receipt: str) -> None:
    Invoice.objects.filter(pk=number).update(state="paid", receipt=receipt)
    send_mail(email, f"Invoice {number} is paid", f"Thank you. Your receipt is {receipt}.")


def mark_unpaid(number: int, email: str) -> None:
    Invoice.objects.filter(pk=number).update(state="unpaid")
    send_mail(email, f"Invoice {number}: please give us another card")
