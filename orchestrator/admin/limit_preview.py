"""What a changed limit or number of places would have done to the last day: recorded runs, the real admission."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from orchestrator.admin.limit_facts import Kind, LimitFacts, all_limits
from orchestrator.admin.place_facts import PlaceFacts
from orchestrator.admin.preview_figure import figure
from orchestrator.admin.recorded import recorded
from orchestrator.core.durations import format_duration
from orchestrator.core.gcra import Rate
from orchestrator.core.whatif import Prediction, Rules, predict

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Change:
    """What is different after: the limit that is looked at, the number of places, or both."""

    limit: int | None = None
    period: float | None = None
    places: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """``figure`` is a Plotly figure; ``rows`` the same as a table: what, before, after. Places: None when unlimited."""

    runs: int
    others: int
    since: datetime
    before: Prediction
    after: Prediction
    places: tuple[int | None, int | None]
    figure: dict[str, Any]
    label = "Waits of runs, and how many execute at once, before and after the change; the table has the figures"

    @property
    def said(self) -> str:
        among = f", among {self.others:,} others of the same queues," if self.others else ""
        number = f"{self.runs:,} run{'' if self.runs == 1 else 's'}"
        return (
            f"{number} since {self.since:%Y-%m-%d %H:%M} UTC{among} replayed through the admission with everything else"
            " as it is. Executions take as long as they took, sleeps and waits left out."
        )

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        now, then = self.places
        return [
            ("Wait, median", *self._each(partial(_waited, share=0.5))),
            ("Wait, 95th percentile", *self._each(partial(_waited, share=0.95))),
            ("Wait, longest", *self._each(partial(_waited, share=1.0))),
            ("Runs an hour", *self._each(lambda one: f"{one.per_hour:.0f}")),
            ("Places of execution", str(now or NOTHING), str(then or NOTHING)),
            ("Utilisation", *self._each(_used)),
        ]

    def _each(self, tell: Callable[[Prediction], str]) -> tuple[str, str]:
        return tell(self.before), tell(self.after)


def preview_limit(facts: LimitFacts, places: PlaceFacts, change: Change, env: int = 1) -> Preview | None:
    """What the runs of that limit would have waited; None when none of them has ended in the last day."""
    limits = all_limits(env)
    others = [one for one in limits if one.target != facts.target]
    changed = replace(
        facts, declared=change.limit or facts.in_force, period=change.period or facts.period, override=None
    )
    return _preview(facts.functions, places, change, (limits, [*others, changed]), env)


def preview_places(places: PlaceFacts, change: Change, env: int = 1) -> Preview | None:
    """What all runs of those queues would have waited; None when none has ended in the last day."""
    limits = all_limits(env)
    return _preview(None, places, change, (limits, limits), env)


def _preview(
    functions: Sequence[str] | None,
    places: PlaceFacts,
    change: Change,
    limits: tuple[list[LimitFacts], list[LimitFacts]],
    env: int,
) -> Preview | None:
    found = recorded(places.queues, functions, env)
    if found is None or not found.counted:
        return None
    # Nobody is alive there: then places are no limit, unless some are asked for.
    now = places.places or None
    then = change.places or now
    before, after = (predict(found.jobs, _rules(some, many)) for some, many in zip(limits, (now, then), strict=True))
    return Preview(
        runs=found.counted,
        others=len(found.jobs) - found.counted,
        since=found.since,
        before=before,
        after=after,
        places=(now, then),
        figure=figure(before, after, found.since),
    )


def _rules(limits: list[LimitFacts], places: int | None) -> Rules:
    sizes = {one.target: one.in_force for one in limits if one.kind is Kind.CONCURRENCY}
    rates = {
        one.target: Rate.of(one.in_force, one.period_in_force, one.burst or 1)
        for one in limits
        if one.kind is Kind.THROTTLE and one.period_in_force is not None
    }
    return Rules(sizes, rates, places)


def _waited(one: Prediction, share: float) -> str:
    seconds = one.percentile(share)
    return format_duration(timedelta(seconds=seconds)) if seconds else "0 s"


def _used(one: Prediction) -> str:
    return NOTHING if one.busy is None else f"{one.busy:.1%}"
