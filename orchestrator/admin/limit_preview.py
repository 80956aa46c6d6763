"""What a changed limit would have done to the last day: recorded runs through the real admission."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from orchestrator.admin.limit_facts import LimitFacts, all_limits
from orchestrator.core.gcra import Rate
from orchestrator.core.whatif import Job, Prediction, Rules, predict
from orchestrator.models import Run
from orchestrator.models.fields import to_micros

LOOK_BACK = timedelta(hours=24)
MOST_RUNS = 5_000
POINTS = 50


@dataclass(frozen=True, slots=True)
class Preview:
    """``figure`` is a Plotly figure; ``rows`` the same as a table: what, before, after."""

    runs: int
    hours: float
    before: Prediction
    after: Prediction
    figure: dict[str, Any]

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        pairs = (
            ("Wait, median", self.before.percentile(0.5), self.after.percentile(0.5)),
            ("Wait, 95th percentile", self.before.percentile(0.95), self.after.percentile(0.95)),
            ("Wait, longest", self.before.percentile(1.0), self.after.percentile(1.0)),
        )
        told = [(what, f"{one:.1f} s", f"{other:.1f} s") for what, one, other in pairs]
        return [*told, ("Runs an hour", f"{self.before.per_hour:.0f}", f"{self.after.per_hour:.0f}")]


def preview(facts: LimitFacts, limit: int, period: float | None, env: int = 1) -> Preview | None:
    """None when nothing of it was recorded in the last day."""
    since = datetime.now(UTC) - LOOK_BACK
    recorded = Run.objects.filter(
        env=env, function__in=facts.functions, started_at__isnull=False, ended_at__isnull=False, queued_at__gte=since
    )
    rows = list(recorded.order_by("-id").values_list("queued_at", "started_at", "ended_at", "limits")[:MOST_RUNS])
    if not rows:
        return None
    jobs = [_job(*row) for row in rows]
    others = [one for one in all_limits(env) if one.target != facts.target]
    before = predict(jobs, _rules([*others, facts]))
    after = predict(jobs, _rules([*others, _changed(facts, limit, period)]))
    hours = (max(row[0] for row in rows) - min(row[0] for row in rows)).total_seconds() / 3600
    return Preview(len(rows), hours, before, after, _figure(before, after))


def _job(queued_at: datetime, started_at: datetime, ended_at: datetime, limits: str | None) -> Job:
    targets = [(key, key.partition(":")[2]) for key in orjson.loads(limits or "[]")]
    return Job(
        to_micros(queued_at),
        max(1, to_micros(ended_at) - to_micros(started_at)),
        [target for _, target in targets if not target.startswith("throttle:")],
        [target for _, target in targets if target.startswith("throttle:")],
    )


def _changed(facts: LimitFacts, limit: int, period: float | None) -> LimitFacts:
    return replace(facts, declared=limit, period=period or facts.period, override=None)


def _rules(limits: list[LimitFacts]) -> Rules:
    sizes = {one.target: one.in_force for one in limits if one.period is None}
    rates = {
        one.target: Rate.of(one.in_force, _period(one), one.burst or 1) for one in limits if one.period is not None
    }
    return Rules(sizes=sizes, rates=rates)


def _period(facts: LimitFacts) -> float:
    chosen = facts.override.period if facts.override is not None else None
    return float(chosen or facts.period or 1)


def _figure(before: Prediction, after: Prediction) -> dict[str, Any]:
    """The share of runs that waited at most so long."""
    shares = [n / POINTS for n in range(POINTS + 1)]
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": [round(prediction.percentile(share), 3) for share in shares],
            "y": [round(share * 100, 1) for share in shares],
            "meta": colour,
            "line": {"shape": "hv", "dash": dash},
            "marker": {},
            "hovertemplate": "%{y:.0f} % waited at most %{x:.1f} s",
        }
        for name, prediction, colour, dash in (
            ("Before", before, "--st-cancelled", "dot"),
            ("After", after, "--st-running", "solid"),
        )
    ]
    layout = {
        "xaxis": {"title": {"text": "Waited (s)"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "Runs (%)"}, "range": [0, 101]},
        "legend": {"orientation": "h", "x": 0, "y": 1.15},
        "showlegend": True,
    }
    return {"data": traces, "layout": layout}
