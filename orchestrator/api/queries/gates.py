"""At which limits runs wait, and how full these are, of any number of runs at once."""

from collections.abc import Mapping, Sequence

from django.db.models import Count, Exists, OuterRef

from orchestrator.api.queries.rows import rows
from orchestrator.core.limiting import limit_name
from orchestrator.core.pausing import GATE
from orchestrator.core.waiting import held
from orchestrator.models import Limit, Run, Slot


def gate_reasons(runs: Sequence[Run]) -> Mapping[str, str]:
    """A sentence for each run that waits at a limit. Two queries; none when no run does."""
    gates = {run.id: run.gate for run in runs if run.gate is not None and not run.gate.startswith(GATE)}
    if not gates:
        return {}
    limits = {limit.key: limit for limit in rows(Limit).filter(key__in=set(gates.values()))}
    used = _used(limits)
    return {run: _sentence(key, limits.get(key), used.get(key, 0)) for run, key in gates.items()}


def _sentence(key: str, limit: Limit | None, used: int) -> str:
    return held(limit_name(key), limit and limit.size, used, limit and limit.wake_at)


def _used(limits: Mapping[str, Limit]) -> dict[str, int]:
    """Places whose runs somebody holds; that of a singleton is its run's to the end."""
    executing = Run.objects.filter(id=OuterRef("run"), owner__isnull=False, fence=OuterRef("fence"))
    going_on = Run.objects.filter(id=OuterRef("run"), ended_at=None).exclude(gate=OuterRef("key"))
    slots = rows(Slot).filter(key__in=list(limits))
    counted = slots.filter(Exists(executing)) | slots.filter(Exists(going_on), fence=0)
    return dict(counted.order_by().values_list("key").annotate(n=Count("run")))
