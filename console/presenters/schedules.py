"""Cron triggers as people read them: in words, and when they come next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.core.cron import Cron, describe, next_tick
from orchestrator.core.errors import InvalidCron


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule and its next moments; none when this server's code cannot read it."""

    expression: str
    tz: str
    words: str
    ticks: Sequence[datetime]

    @property
    def next(self) -> datetime | None:
        return self.ticks[0] if self.ticks else None


def schedule(trigger: Mapping[str, Any], now: datetime, most: int = 1) -> Schedule:
    """The schedule of a stored trigger with its next ``most`` moments."""
    expression, tz = str(trigger.get("cron")), str(trigger.get("tz") or "UTC")
    ticks: list[datetime] = []
    try:
        cron = Cron(expression, tz)
        for _ in range(most):
            ticks.append(next_tick(cron, ticks[-1] if ticks else now))
    except InvalidCron:
        # Rows outlive the code that wrote them, and the name of a zone may leave its database.
        return Schedule(expression, tz, f"{expression} ({tz})", ticks)
    return Schedule(expression, tz, describe(cron), ticks)
