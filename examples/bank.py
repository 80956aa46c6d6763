"""A bank that books once for each key, and that can be told to behave as badly as real ones do."""

from django.db.models import F
from django.utils import timezone
from pydantic import BaseModel

from examples.models import Charge
from orchestrator import NonRetriableError, RetryAfter

STOLEN = "4000 0000 0000 9979"


class Mood(BaseModel):
    """``busy``: so many calls are sent away; ``lost``: after that, so many answers get lost."""

    busy: int = 0
    lost: int = 0


def charge_card(card: str, amount_cents: int, *, key: str, mood: Mood) -> str:
    """The receipt. A second call with the same key books nothing and answers the same."""
    if card == STOLEN:
        raise NonRetriableError("the card was reported stolen")
    charge, _ = Charge.objects.update_or_create(
        key=key, defaults={"calls": F("calls") + 1}, create_defaults={"amount_cents": amount_cents}
    )
    charge.refresh_from_db()
    if charge.calls <= mood.busy:
        raise RetryAfter("the bank is busy", "1s")
    Charge.objects.filter(key=key, booked_at=None).update(booked_at=timezone.now())
    if charge.calls <= mood.busy + mood.lost:
        raise ConnectionError("the bank booked the charge, and its answer was lost")
    return f"receipt-{charge.pk}"
