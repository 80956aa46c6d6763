"""How far a run is, as its author says."""

import math

from orchestrator.core.errors import InvalidInput

MAX_MESSAGE = 200  # characters


def bounded(fraction: float, message: str) -> tuple[float, str]:
    """The fraction between 0 and 1, the message cut to a line that any database takes. Raises InvalidInput."""
    if isinstance(fraction, bool) or not isinstance(fraction, int | float) or math.isnan(fraction):
        raise InvalidInput(f"progress is {fraction!r}: give a number from 0 to 1")
    line = " ".join(str(message).replace("\0", "�").split())
    text = line.encode("utf-8", "replace").decode()
    return min(1.0, max(0.0, float(fraction))), text if len(text) <= MAX_MESSAGE else f"{text[: MAX_MESSAGE - 1]}…"
