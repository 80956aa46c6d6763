"""The function page: what starts a function, how it is set up, how it fared, and how to run it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from console.presenters.charts import chart
from console.presenters.controls import controls
from console.presenters.figures import MOST_RUNS, SPANS, Figures, Part, Span, figures, percent, rate
from console.presenters.inspector import Value, value
from console.presenters.run_filters import in_span
from console.presenters.run_list import RunRow, rows
from console.presenters.samples import sample
from console.presenters.schedules import Schedule, schedule
from console.presenters.text import NBSP, count, duration, pretty
from orchestrator.core.durations import format_duration
from orchestrator.core.expecting import expected_of
from orchestrator.models import Function, Run
from orchestrator.overdue import Expected, expected_functions

KIND_WORDS = {"function": "Function", "task": "Task"}
TICKS_SHOWN = 5
RECENT_RUNS = 20


@dataclass(frozen=True, slots=True)
class EventTrigger:
    event: str
    condition: str


@dataclass(frozen=True, slots=True)
class PartRow:
    """A part of the span in words, for those who read it as a table."""

    start: datetime
    end: datetime
    href: str
    runs: int
    failed: int
    p50: str
    p95: str


@dataclass(frozen=True, slots=True)
class FunctionPage:
    function: Function
    doc: str
    events: Sequence[EventTrigger]
    schedules: Sequence[Schedule]
    settings: Sequence[tuple[str, str, bool]]
    schema: Value | None
    spans: Sequence[tuple[str, str, bool]]
    facts: Sequence[tuple[str, str, str]]
    chart: Mapping[str, Any] | None
    summary: str
    parts: Sequence[PartRow]
    capped: str
    runs: Sequence[RunRow]
    query: str
    expected: Expected | None

    @property
    def overdue(self) -> str:
        """Why it is, as a sentence; empty when it is not."""
        if self.expected is None or self.expected.overdue_since is None:
            return ""
        return f"no run has completed within {format_duration(self.expected.within)}, as the code expects"


def function_page(function: Function, span: Span, now: datetime) -> FunctionPage:
    """Fourteen queries, whatever the number of runs."""
    config: Mapping[str, Any] = function.config or {}
    found = figures(function.env, function.slug, span, now)
    recent = Run.objects.filter(env=function.env, function=function.slug).order_by("-id")[:RECENT_RUNS]
    triggers = function.triggers or []
    parts = _parts(function.slug, found)
    return FunctionPage(
        function=function,
        doc=str(config.get("doc") or "").strip(),
        events=[EventTrigger(str(t["event"]), str(t.get("expression") or "")) for t in triggers if t.get("event")],
        schedules=[schedule(trigger, now, TICKS_SHOWN) for trigger in triggers if trigger.get("cron")],
        settings=_settings(function, config),
        schema=value(config["payload_schema"]) if config.get("payload_schema") else None,
        spans=[(f"?span={name}", each.word, each is span) for name, each in SPANS.items()],
        facts=_facts(found.whole),
        chart=chart(found, [part.href for part in parts]) if found.whole.runs else None,
        summary=_summary(function.slug, span, found.whole),
        parts=[part for part in parts if part.runs],
        capped=_capped(found.since) if found.since else "",
        runs=rows(list(recent)),
        query="?" + urlencode({"function": function.slug}),
        expected=None if function.removed_at else expected_functions(function.env, now).get(function.slug),
    )


def sample_payload(function: Function) -> str:
    """A payload to begin with: as the schema wants it, else an empty object."""
    schema = (function.config or {}).get("payload_schema")
    return pretty(sample(schema) if schema else {})


def retries_text(policy: Any) -> str:
    """A retry policy as a sentence."""
    if not isinstance(policy, Mapping) or "max_attempts" not in policy:
        return "–"
    if policy["max_attempts"] == 1:
        return "1 attempt, never tried again"
    text = f"{policy['max_attempts']} attempts"
    if "initial" in policy:
        first, most = (timedelta(seconds=policy.get(key) or 0) for key in ("initial", "max_interval"))
        text += f", first after {format_duration(first)}"
        if (factor := policy.get("factor", 1)) != 1:
            text += f", then ×{factor:g} up to {format_duration(most)}"
    return text


def _settings(function: Function, config: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """Label, value, and whether that is code."""
    source, line, within = config.get("source_file"), config.get("source_line"), expected_of(config)
    told = (
        ("Kind", KIND_WORDS.get(function.kind, function.kind), False),
        ("Name", function.name if function.name != function.slug else "", False),
        ("Retries", retries_text(config.get("retries")), False),
        ("Queue", str(config.get("queue") or "default"), True),
        *((label, sentence, False) for label, sentence in controls(config)),
        ("Expected", f"to complete within {format_duration(within)}" if within else "", False),
        ("Module", str(config.get("module") or ""), True),
        ("Source", f"{source}:{line}" if source and line else str(source or ""), True),
        ("Version", function.version, True),
    )
    return [each for each in told if each[1]]


def _facts(whole: Part) -> list[tuple[str, str, str]]:
    """Label, figure, and the status whose colour it has."""
    failing = rate(whole)
    return [
        ("Runs", f"{whole.runs:,}".replace(",", "\u202f"), ""),
        ("Failure rate", percent(failing), "failed" if failing else ""),
        ("Median", duration(whole.p50_us) if whole.p50_us is not None else "–", ""),
        ("95th percentile", duration(whole.p95_us) if whole.p95_us is not None else "–", ""),
    ]


def _summary(slug: str, span: Span, whole: Part) -> str:
    text = f"{slug} in the last {span.word}: {count(whole.runs, 'run').replace(NBSP, ' ')}, {whole.failed} failed"
    if whole.p50_us is None or whole.p95_us is None:
        return text
    return f"{text}; median {duration(whole.p50_us)}, 95th percentile {duration(whole.p95_us)}"


def _capped(since: datetime) -> str:
    return f"these are the newest {count(MOST_RUNS, 'run')}, since {since:%Y-%m-%d %H:%M:%S} UTC"


def _parts(slug: str, found: Figures) -> list[PartRow]:
    base = reverse("console:runs")
    return [
        PartRow(
            start=part.start,
            end=part.end,
            href=f"{base}?{urlencode({'function': slug} | in_span(part.start, part.end))}",
            runs=part.runs,
            failed=part.failed,
            p50=duration(part.p50_us) if part.p50_us is not None else "–",
            p95=duration(part.p95_us) if part.p95_us is not None else "–",
        )
        for part in found.parts
    ]
