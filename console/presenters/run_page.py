"""The run page: its head, summary, the reason it failed or waits, and its links to other runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.presenters.actors import who_did
from console.presenters.reasons import Banner, banner
from console.presenters.run_list import TRIGGER_WORDS
from console.presenters.text import MICROSECOND, STATUS_WORDS, between, count, duration
from console.presenters.usage import Usage, usage
from console.presenters.warnings import Notice, warnings
from console.presenters.waterfall import Trace
from orchestrator.core.ops import Status
from orchestrator.core.trace import Span, active_us, waited_us
from orchestrator.models import Event, Run, RunData, RunEvent, Wait

REPLAYS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure of the summary line. ``since`` is set while it grows."""

    label: str
    value: str
    since: datetime | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class RunPage:
    run: Run
    word: str
    events: Sequence[Event]
    trigger: str
    parent: Run | None
    replay_of: Run | None
    replays: Sequence[Run]
    trace: Trace
    facts: Sequence[Fact]
    banner: Banner | None
    warnings: Sequence[Notice]
    actor: str
    usage: Usage

    @property
    def final(self) -> bool:
        return Status(self.run.status).final

    @property
    def first_failed(self) -> Span | None:
        return next((span for span in self.trace.steps if span.status is Status.FAILED), None)


def run_page(trace: Trace, now: datetime) -> RunPage:
    """Everything of the page but the inspector: at most fifteen queries, however many steps."""
    run = trace.run
    event_ids = list(RunEvent.objects.filter(run=run.id).order_by("n").values_list("event", flat=True)[:10])
    events = Event.objects.defer("data").in_bulk(event_ids)
    related = Run.objects.in_bulk([id for id in (run.parent, run.replay_of) if id])
    error = RunData.objects.filter(run=run.id).values_list("error", flat=True).first()
    waits = [] if run.ended_at else list(Wait.objects.filter(run=run.id).order_by("due_at")[:20])
    return RunPage(
        run=run,
        word=STATUS_WORDS[Status(run.status)],
        events=[events[id] for id in event_ids if id in events],
        trigger=TRIGGER_WORDS.get(run.trigger, "Event"),
        parent=related.get(run.parent or ""),
        replay_of=related.get(run.replay_of or ""),
        replays=list(Run.objects.filter(replay_of=run.id).order_by("-id")[:REPLAYS_SHOWN]),
        trace=trace,
        facts=facts(trace, now),
        banner=banner(trace, error, waits, now),
        warnings=warnings(run.id),
        usage=usage(run),
        actor=who_did("run.replay", run.replay_of, run.queued_at, new_run=run.id) if run.replay_of else "",
    )


def facts(trace: Trace, now: datetime) -> list[Fact]:
    """The summary line: where the time went, and how the steps fared."""
    run, steps = trace.run, trace.steps
    end = run.ended_at or now
    now_us = (end - run.queued_at) // MICROSECOND
    failed = sum(span.status is Status.FAILED for span in steps)
    retried = sum(span.attempts > 1 for span in steps)
    reused = sum(any(s.phase == "reused" for s in span.segments) for span in steps)
    waited = waited_us(steps, now_us)
    shown = [
        *_queued(run, end),
        Fact("ran", between(run.started_at, end), run.started_at if run.started_at and not run.ended_at else None),
        Fact("active", duration(active_us(steps, now_us))),
        *([Fact("waited", duration(waited))] if waited else []),
        Fact("", count(len(steps), "step")),
    ]
    shown += [Fact("failed", str(failed), tone="failed")] if failed else []
    shown += [Fact("retried", str(retried), tone="retrying")] if retried else []
    shown += [Fact("reused", str(reused))] if reused else []
    return shown


def _queued(run: Run, end: datetime) -> list[Fact]:
    if run.started_at is None:
        return [Fact("queued", between(run.queued_at, end), None if run.ended_at else run.queued_at)]
    return [Fact("queued", between(run.queued_at, run.started_at))] if run.started_at > run.queued_at else []
