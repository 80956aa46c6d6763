"""Functions that should have completed by now, and have not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.conf import settings
from orchestrator.core.expecting import overdue_after
from orchestrator.core.pausing import Paused, PauseKind
from orchestrator.models import Expectation, Pause


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of a function. ``overdue_since``: None while there is time left, and while it is paused."""

    within: timedelta
    last_success_at: datetime | None
    overdue_since: datetime | None


def expected_functions(env: int, now: datetime) -> Mapping[str, Expected]:
    """By function, those of which something is expected. Two queries, one when there is none."""
    database = settings().database
    rows = list(Expectation.objects.using(database).filter(env=env))
    if not rows:
        return {}
    pauses = Pause.objects.using(database).filter(env=env, resumed_at=None)
    paused = [Paused(env, PauseKind(pause.kind), pause.name) for pause in pauses]
    return {
        row.function: _expected(row, now, held=any(each.holds(env, row.function, row.queue) for each in paused))
        for row in rows
    }


def _expected(row: Expectation, now: datetime, *, held: bool) -> Expected:
    within = timedelta(seconds=row.within_seconds)
    since = max(row.watched_from, row.last_success_at or row.watched_from)
    return Expected(within, row.last_success_at, None if held else overdue_after(within, since, now))
