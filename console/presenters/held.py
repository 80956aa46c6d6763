"""Why a run is not let in: the limit that it waits at, how full that is, or when it lets the next one in."""

from datetime import datetime

from django.db.models import Q, QuerySet

from console.presenters.paused import paused_line
from console.presenters.waiting import Line
from orchestrator.core.limiting import limit_name
from orchestrator.engine.limit_rows import gate_of
from orchestrator.models import Limit, Run, Slot

KINDS = ("concurrency", "named", "environment", "throttle", "singleton")


def held_line(run: Run, now: datetime) -> Line | None:
    """None for a run that waits at no limit and for no resume. Two queries."""
    if (paused := paused_line(run)) is not None:
        return paused
    if run.gate is None or gate_of(run.gate) not in KINDS:
        return None
    match gate_of(run.gate):
        case "singleton":
            return _singleton(run.gate)
        case "throttle":
            wake_at = Limit.objects.filter(key=run.gate).values_list("wake_at", flat=True).first()
            text = f"{limit_name(run.gate)} lets one in at a time: it is looked at again"
            return Line(text, wake_at, " at") if wake_at and wake_at > now else Line(f"{text} now.")
    size = Limit.objects.filter(key=run.gate).values_list("size", flat=True).first()
    used = _holders(run.gate).count()
    return Line(f"{limit_name(run.gate)} is full: {used} of {'–' if size is None else size} run.")


def _holders(key: str) -> QuerySet[Run]:
    return Run.objects.filter(id__in=Slot.objects.filter(key=key).values("run"), owner__isnull=False)


def _singleton(key: str) -> Line:
    slots = Slot.objects.filter(key=key, fence=0).values("run")
    others = Q(gate=None) | ~Q(gate=key)
    first = Run.objects.filter(others, id__in=slots, ended_at=None).order_by("id").first()
    whose = f"run {first.id}" if first is not None else "the run before it"
    return Line(f"{limit_name(key)}: it goes on when {whose} has ended.")
