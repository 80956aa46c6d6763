"""Invoice: a charge that is tried again until the bank answers, and booked once however often it is tried.

With ``busy`` the bank asks to come back in a second; with ``lost`` it books the charge and its answer gets lost, as
when a connection breaks. The key is the same at every attempt, so the second attempt gets the first one's receipt.

    curl -d '{"name": "order/completed", "data": {"order": 7, "email": "ada@example.com", "amount_cents": 4200,
              "busy": 1, "lost": 1}}' http://127.0.0.1:8000/e/dev
"""

from pydantic import BaseModel

from examples.bank import Weather, charge_card
from examples.mail import send_mail
from examples.models import Invoice
from orchestrator import Context, Retries, StepError, event, function


@event("order/completed")
class OrderCompleted(BaseModel):
    order: int
    email: str
    amount_cents: int
    card: str = "4242 4242 4242 4242"
    busy: int = 0
    lost: int = 0


@function(on=OrderCompleted, retries=Retries(max_attempts=5, initial="1s"))
async def invoice(ctx: Context[OrderCompleted]) -> str:
    """Writes an invoice and charges it to the customer's card."""
    order, step = ctx.event.data, ctx.step

    def charge() -> str:
        weather = Weather(order.busy, order.lost)
        key = ctx.idempotency_key("charge")
        return charge_card(order.card, order.amount_cents, key=key, weather=weather, attempt=ctx.step_attempt)

    number = await step.transaction("write-invoice", write_invoice, order)
    try:
        receipt = await step.run("charge", charge)
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
