"""What a changed rate limit would have done to the last day: how many would have been skipped, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.admin.limit_facts import LimitFacts
from orchestrator.admin.limit_preview import Change
from orchestrator.admin.preview_figure import skips_figure
from orchestrator.admin.recorded_arrivals import recorded_arrivals
from orchestrator.core.controls import RateLimit
from orchestrator.core.gating import SECOND
from orchestrator.core.skips import Arrival, skipped
from orchestrator.models import Function
from orchestrator.models.fields import from_micros


@dataclass(frozen=True, slots=True)
class SkipPreview:
    """``before`` and ``after``: those that would have been skipped."""

    arrivals: Sequence[Arrival]
    before: Sequence[Arrival]
    after: Sequence[Arrival]
    label = "Skipped by the rate limit, before and after the change; the table has the figures"

    @property
    def since(self) -> datetime:
        return from_micros(min(one.at for one in self.arrivals))

    @property
    def said(self) -> str:
        number = f"{len(self.arrivals):,} arrival{'' if len(self.arrivals) == 1 else 's'}"
        return (
            f"{number} since {self.since:%Y-%m-%d %H:%M} UTC, started or turned away by this limit, passed through its"
            " window once as it is in force and once as changed."
        )

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        both, number = (len(self.before), len(self.after)), len(self.arrivals)
        keys = [len({one.key for one in some}) for some in (self.before, self.after)]
        return [
            ("Started", f"{number - both[0]:,}", f"{number - both[1]:,}"),
            ("Skipped", f"{both[0]:,}", f"{both[1]:,}"),
            ("Skipped, of all", f"{both[0] / number:.1%}", f"{both[1] / number:.1%}"),
            ("Values with skips", f"{keys[0]:,}", f"{keys[1]:,}"),
        ]

    @property
    def figure(self) -> dict[str, Any]:
        moments = [one.at for one in self.arrivals]
        skips = [[one.at for one in some] for some in (self.before, self.after)]
        return skips_figure(skips, min(moments), max(moments))


def preview_skips(facts: LimitFacts, change: Change, env: int = 1) -> SkipPreview | None:
    """None when nothing came for the limit in the last day."""
    function = Function.objects.get(env=env, slug=facts.functions[0])
    now = (facts.in_force, facts.period_in_force or 0.0)
    then = (change.limit or now[0], change.period or now[1])
    arrivals = recorded_arrivals(function, RateLimit(*now, key=facts.key))
    if not arrivals:
        return None
    before, after = (skipped(arrivals, limit, round(period * SECOND)) for limit, period in (now, then))
    return SkipPreview(arrivals, before, after)
