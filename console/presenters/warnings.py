"""What Signalbox warns the authors of a run about: rows of its log that are the engine's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.models import Log

LOGGER = "signalbox"
LOOKED_AT = 200


@dataclass(slots=True)
class Notice:
    """One message about a step ('' is the run); ``times`` it was said."""

    step: str
    message: str
    at: datetime
    times: int = 1


def warnings(run_id: str) -> Sequence[Notice]:
    """Each warning once, in the order of their first appearance."""
    rows = Log.objects.filter(run=run_id, logger=LOGGER, level="WARNING").order_by("id")
    found: dict[tuple[str, str], Notice] = {}
    for step, message, at in rows.values_list("key", "message", "at")[:LOOKED_AT]:
        known = found.get((step, message))
        if known:
            known.times += 1
        else:
            found[step, message] = Notice(step, message, at)
    return list(found.values())
