"""Why a run is where it is: what it failed of, what it waits for and until when, or what blocks it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.presenters.held import held_line
from console.presenters.text import OP_WORDS, count, first_line
from console.presenters.waiting import Line, line
from console.presenters.waterfall import Trace
from orchestrator.core.ops import OpKind, Status
from orchestrator.models import Journal, Run, Wait, Worker

AHEAD_CAP = 1_000


@dataclass(frozen=True, slots=True)
class Banner:
    """The reason, in lines; ``title`` is empty where they say it all.

    ``step`` is the one to look at, ``fork`` the one from which to run again.
    """

    kind: str
    title: str
    lines: Sequence[Line]
    step: str = ""
    fork: str | None = None


def banner(trace: Trace, error: Mapping[str, Any] | None, waits: Sequence[Wait], now: datetime) -> Banner | None:
    """None for a run that simply runs, or has ended well."""
    run, status = trace.run, Status(trace.run.status)
    match status:
        case Status.BLOCKED:
            return _blocked(run)
        case _ if error and status.final:
            failed = [span.key for span in trace.steps if span.status is Status.FAILED]
            text = first_line(str(error.get("message", "")))
            return Banner("failed", str(error.get("type", "Error")), [Line(text)], failed[-1] if failed else "")
        case _ if waits:
            return Banner("waiting", "", [line(wait) for wait in waits])
        case Status.DELAYED:
            return Banner("queued", "Delayed", _delayed(run))
        case Status.QUEUED:
            return Banner("queued", "Queued", _queued(run, now))
        case Status.PAUSED:
            return Banner("queued", "Paused", [Line("It goes on when its function is resumed")])
        case Status.RETRYING:
            return Banner("waiting", "Retrying", [Line("It is tried again", run.due_at, " at")])
        case _:
            return None


def _blocked(run: Run) -> Banner:
    """The code asks for another operation than the one on record under the same key."""
    entry = Journal.objects.filter(run=run.id, kind="run.blocked").order_by("-seq").values_list("data", flat=True)
    facts = next(iter(entry[:1]), None) or {}
    key = str(facts.get("key", ""))
    if not key:
        return Banner("blocked", "Blocked", [Line("The code no longer fits what this run recorded.")], fork="")
    expected, got = (_operation(facts.get(name)) for name in ("expected", "got"))
    lines = [
        Line(f"Step {key} is recorded as {expected}; the code now asks for {got} under this key."),
        Line("Put the code back, or replay with the code as it is: steps before this one keep their results."),
    ]
    return Banner("blocked", "Blocked", lines, step=key, fork=key)


def _delayed(run: Run) -> list[Line]:
    """Until when, and how many events have joined it so far."""
    lines = [Line("It starts", run.due_at, " at")]
    joined = Journal.objects.filter(run=run.id, kind__in=("run.debounced", "run.batched")).order_by("-seq")
    for entry in joined[:1]:
        facts: Mapping[str, Any] = entry.data or {}
        if entry.kind == "run.debounced":
            lines.append(Line(f"Debounced {count(facts['times'], 'time')}: it has the last event."))
        else:
            lines.append(Line(f"A batch of {count(facts['events'], 'event')} so far."))
    return lines


def _queued(run: Run, now: datetime) -> list[Line]:
    """A limit that holds it, nobody to run it, others ahead of it, or its turn next."""
    held = held_line(run, now)
    if held is not None:
        return [held]
    alive = Worker.objects.filter(expires_at__gt=now).values_list("queues", "version")
    workers = [version for queues, version in alive if run.queue in (queues or [])]
    if not workers:
        return [Line(f"No worker for queue {run.queue} is alive: it goes on when one is started.")]
    if run.version and run.version not in workers:
        return [Line(f"It is pinned to version {run.version} of the code, of which no worker is alive.")]
    ahead = Run.objects.filter(queue=run.queue, status=Status.QUEUED, owner=None, prio__lt=run.prio)
    number = len(ahead.values_list("id")[:AHEAD_CAP])
    if not number:
        return [Line(f"It is the next of queue {run.queue}: it goes on as soon as a worker is free.")]
    told = count(number, "run") if number < AHEAD_CAP else f"over {count(AHEAD_CAP, 'run')}"
    return [Line(f"{told} of queue {run.queue} {'is' if number == 1 else 'are'} ahead of it.")]


def _operation(op: object) -> str:
    return OP_WORDS[OpKind(op)].lower() if op in set(OpKind) else str(op)
