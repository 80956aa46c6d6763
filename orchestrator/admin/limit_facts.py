"""Every limit in force: what the code declares, what operators set, who holds places and who waits."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from orchestrator.core.flow import Flow
from orchestrator.core.limiting import concurrency_target, throttle_target
from orchestrator.models import Function, Limit, LimitOverride, Run, Slot

VALUES_SHOWN = 100


@dataclass(slots=True)
class LimitFacts:
    """A limit, over all values of its key. ``period`` in seconds, of throttles only."""

    target: str
    kind: str
    declared: int
    period: float | None = None
    burst: int | None = None
    key: str | None = None
    functions: list[str] = field(default_factory=list)
    override: LimitOverride | None = None
    used: int = 0
    waiting: int = 0

    @property
    def in_force(self) -> int:
        return self.override.limit if self.override is not None else self.declared

    @property
    def period_in_force(self) -> float | None:
        return self.override.period if self.override is not None and self.override.period else self.period

    @property
    def pace(self) -> str:
        """Such as "in 60 s"; empty for concurrency."""
        return "" if self.period_in_force is None else f"in {self.period_in_force:g} s"


@dataclass(frozen=True, slots=True)
class ValueFacts:
    """One value of a limit's key."""

    value: str
    used: int
    waiting: int


def all_limits(env: int = 1) -> list[LimitFacts]:
    """Four queries, however many limits."""
    facts = _declared(Function.objects.filter(env=env, removed_at=None))
    now = datetime.now(UTC)
    in_force = Q(expires_at=None) | Q(expires_at__gt=now)
    for override in LimitOverride.objects.filter(in_force, env=env):
        if override.target in facts:
            facts[override.target].override = override
    for target, used, waiting in _live(env):
        if target in facts:
            facts[target].used, facts[target].waiting = used, waiting
    return sorted(facts.values(), key=lambda one: (-one.waiting, -one.used, one.target))


def _declared(functions: Iterable[Function]) -> dict[str, LimitFacts]:
    facts: dict[str, LimitFacts] = {}
    for function in functions:
        flow = Flow.from_json(function.config.get("flow", {}))
        for place, limit in enumerate(flow.concurrency):
            target = concurrency_target(function.slug, place, limit)
            known = facts.setdefault(target, LimitFacts(target, "Concurrency", limit.limit, key=limit.key))
            known.functions.append(function.slug)
        if flow.throttle is not None:
            throttle = flow.throttle
            target = throttle_target(function.slug)
            facts[target] = LimitFacts(
                target, "Throttle", throttle.limit, throttle.period, throttle.burst, throttle.key, [function.slug]
            )
    return facts


def _live(env: int) -> list[tuple[str, int, int]]:
    totals: dict[str, list[int]] = {}
    for row in _by_value(Limit.objects.filter(env=env, expires_at=None)):  # but what gates remember
        total = totals.setdefault(row.target, [0, 0])
        total[0] += row.used
        total[1] += row.waiting
    return [(target, used, waiting) for target, (used, waiting) in totals.items()]


def values_of(target: str, env: int = 1) -> list[ValueFacts]:
    """The values of a limit's key at which something is held or waits, the longest queue first."""
    rows = _by_value(Limit.objects.filter(env=env, target=target)).filter(Q(used__gt=0) | Q(waiting__gt=0))
    shown = rows.order_by("-waiting", "-used")[:VALUES_SHOWN]
    return [ValueFacts(row.key.partition("|")[2], row.used, row.waiting) for row in shown]


def holders_of(target: str, env: int = 1) -> list[Run]:
    """Runs that hold a place, the oldest first."""
    keys = Limit.objects.filter(env=env, target=target).values("key")
    held = Slot.objects.filter(key__in=keys).values("run")
    return list(Run.objects.filter(id__in=held).exclude(owner=None).order_by("started_at")[:VALUES_SHOWN])


def _by_value(limits: "QuerySet[Limit]") -> "QuerySet[Limit]":
    """With ``used``, places whose runs somebody holds under that fence, and ``waiting``."""
    holder = Run.objects.filter(id=OuterRef("run"), owner__isnull=False, fence=OuterRef("fence"))
    slots = Slot.objects.filter(Exists(holder), key=OuterRef("key")).order_by()
    used = slots.values("key").annotate(n=Count("run")).values("n")
    waiting = Run.objects.filter(gate=OuterRef("key")).order_by().values("gate").annotate(n=Count("id")).values("n")
    return limits.annotate(used=Coalesce(Subquery(used), 0), waiting=Coalesce(Subquery(waiting), 0))
