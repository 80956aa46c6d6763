"""Figures of several repetitions beside what they should be: medians, a table, JSON to compare with later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, its unit, and what it should be on a 2-core machine; None where nothing was agreed on."""

    name: str
    title: str
    unit: str
    sqlite: float | None
    postgres: float | None
    more_is_better: bool = False

    def target(self, database: str) -> float | None:
        return self.sqlite if database == "sqlite" else self.postgres

    def meets(self, value: float, database: str) -> bool:
        target = self.target(database)
        return target is None or (value >= target if self.more_is_better else value <= target)


FIGURES = (
    Figure("w1_50_runs_per_s", "W1 runs of 1 step, 50 at once", "runs/s", 3000, 2000, more_is_better=True),
    Figure("w1_500_runs_per_s", "W1 runs of 1 step, 500 at once", "runs/s", 3000, 2000, more_is_better=True),
    Figure("w2_50_runs_per_s", "W2 runs of 5 steps, 50 at once", "runs/s", 2000, 1000, more_is_better=True),
    Figure("w2_500_runs_per_s", "W2 runs of 5 steps, 500 at once", "runs/s", 2000, 1000, more_is_better=True),
    Figure("w3_p50_ms", "W3 event sent to first line, p50", "ms", 1.0, 2.5),
    Figure("w3_p95_ms", "W3 event sent to first line, p95", "ms", None, None),
    Figure("w3_p99_ms", "W3 event sent to first line, p99", "ms", 4.0, 8.0),
    Figure("w4_p50_ms", "W4 gap between two steps, p50", "ms", 0.4, 1.0),
    Figure("w4_p99_ms", "W4 gap between two steps, p99", "ms", 1.5, 4.0),
    Figure("w5_steps_s", "W5 1,000 parallel steps, joined", "s", 0.10, 0.15),
    Figure("w5_children_s", "W5 1,000 child runs, joined", "s", 0.5, 0.8),
    Figure("w6_requests_per_s", "W6 requests with one event, HTTP", "req/s", 2500, 2500, more_is_better=True),
    Figure("w6_events_per_s", "W6 events in batches of 100, HTTP", "events/s", 20000, 20000, more_is_better=True),
    Figure("w7_idle_mb", "W7 memory, idle", "MB PSS", 120, 120),
    Figure("w7_runs", "W7 runs made meanwhile", "runs", None, None, more_is_better=True),
    Figure("w7_after_mb", "W7 memory after them", "MB PSS", None, None),
    Figure("w7_database_idle_mb", "W7 database server's memory, idle", "MB PSS", None, None),
    Figure("w7_database_after_mb", "W7 the same after the runs", "MB PSS", None, None),
    Figure("w8_p50_ms", "W8 lateness of a 1 s sleep, p50", "ms", None, None),
    Figure("w8_p99_ms", "W8 lateness of a 1 s sleep, p99", "ms", 15, 20),
    Figure("flow_w1_50_runs_per_s", "FLOW W1 with limits, 50 at once", "runs/s", None, None, more_is_better=True),
    Figure("flow_w1_500_runs_per_s", "FLOW W1 with limits, 500 at once", "runs/s", None, None, more_is_better=True),
    Figure("flow_w2_50_runs_per_s", "FLOW W2 with limits, 50 at once", "runs/s", None, None, more_is_better=True),
    Figure("flow_w2_500_runs_per_s", "FLOW W2 with limits, 500 at once", "runs/s", None, None, more_is_better=True),
    Figure("match_none_ms", "MATCH event nobody waits for", "ms", None, None),
    Figure("match_keyed_ms", "MATCH 10,000 waits, by key", "ms", None, None),
    Figure("match_asked_ms", "MATCH 10,000 waits, first 500 asked", "ms", None, None),
    Figure("match_rest_s", "MATCH the others asked", "s", None, None),
    Figure("match_meanwhile_ms", "MATCH other events meanwhile, slowest", "ms", None, None),
)


def medians(repetitions: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The middle of each figure."""
    return {f.name: median(r[f.name] for r in repetitions) for f in FIGURES if all(f.name in r for r in repetitions)}


def table(database: str, facts: Mapping[str, Any], repetitions: Sequence[Mapping[str, float]]) -> str:
    """Medians beside lowest, highest and target; a figure that misses its target is marked."""
    about = ", ".join(str(value) if name == "version" else f"{name} {value}" for name, value in facts.items())
    lines = [f"{database}: {about}", f"{'':38}{'median':>9} {'lowest':>9} {'highest':>9} {'target':>9}  unit"]
    middle = medians(repetitions)
    for figure in FIGURES:
        if figure.name in middle:
            values = [repetition[figure.name] for repetition in repetitions]
            numbers = (middle[figure.name], min(values), max(values), figure.target(database))
            mark = "" if figure.meets(middle[figure.name], database) else "  missed"
            lines.append(f"{figure.title:38}{' '.join(map(_number, numbers))}  {figure.unit}{mark}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return f"{'':>9}"
    return f"{value:>9,.0f}" if value >= 100 else f"{value:>9.2f}"
