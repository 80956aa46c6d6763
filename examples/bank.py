"""A bank that books once for each key, and that can be told to behave as badly as real ones do."""

from dataclasses import dataclass

from examples.models import Charge
from orchestrator import NonRetriableError, RetryAfter

STOLEN = "4000 0000 0000 9979"


@dataclass(frozen=True, slots=True)
class Weather:
    """What goes wrong: the bank is busy for so many attempts, then its answer is lost for so many."""

    busy: int = 0
    lost: int = 0


def charge_card(card: str, amount_cents: int, *, key: str, weather: Weather, attempt: int) -> str:
    """The receipt. A second call with the same key books nothing and answers the same."""
    if card == STOLEN:
        raise NonRetriableError("the card was reported stolen")
    if attempt <= weather.busy:
        raise RetryAfter("the bank is busy", "1s")
    charge, _ = Charge.objects.get_or_create(key=key, defaults={"amount_cents": amount_cents})
    if attempt <= weather.busy + weather.lost:
        raise ConnectionError("the bank booked the charge, and its answer was lost")
    return f"receipt-{charge.pk}"
