"""Every limit in force: what the code declares, what operators set, and how much of it is used."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.db.models import Q

from orchestrator.admin.limit_use import NO_USE, Use, gates_used, places_used
from orchestrator.core.durations import format_duration
from orchestrator.core.flow import Flow
from orchestrator.core.gating import gate_target
from orchestrator.core.limiting import concurrency_target, throttle_target
from orchestrator.models import Function, LimitOverride


class Kind(StrEnum):
    CONCURRENCY = "Concurrency"
    THROTTLE = "Throttle"
    RATE_LIMIT = "Rate limit"
    IDEMPOTENCY = "Idempotency"
    DEBOUNCE = "Debounce"
    BATCH = "Batch"
    SINGLETON = "Singleton"
    FAIRNESS = "Fairness"


NUMBERS = (Kind.CONCURRENCY, Kind.THROTTLE, Kind.RATE_LIMIT)  # that operators can set instead of the code's


@dataclass(slots=True)
class LimitFacts:
    """A limit, over all values of its key. ``period`` in seconds; ``rule`` says what has no number to be changed."""

    target: str
    kind: Kind
    declared: int = 1
    period: float | None = None
    burst: int | None = None
    key: str | None = None
    rule: str = ""
    functions: list[str] = field(default_factory=list)
    override: LimitOverride | None = None
    use: Use = NO_USE

    @property
    def changeable(self) -> bool:
        return self.kind in NUMBERS

    @property
    def in_force(self) -> int:
        return self.override.limit if self.override is not None else self.declared

    @property
    def period_in_force(self) -> float | None:
        return self.override.period if self.override is not None and self.override.period else self.period

    @property
    def says(self) -> str:
        """What the code declares: "5 in 1 m"."""
        return self.rule or _says(self.declared, self.period)

    @property
    def says_in_force(self) -> str:
        return self.rule or _says(self.in_force, self.period_in_force)

    @property
    def in_use(self) -> str:
        return "-" if self.kind in (Kind.THROTTLE, Kind.FAIRNESS) or not self.use.told else self.use.told

    @property
    def now(self) -> str:
        """A sentence."""
        match self.kind:
            case Kind.CONCURRENCY | Kind.SINGLETON:
                return f"{self.use.used} in use, {self.use.waiting} waiting."
            case Kind.THROTTLE | Kind.FAIRNESS:
                return f"{self.use.waiting} waiting."
            case Kind.RATE_LIMIT:
                return f"Started in the window: {self.use.told or 'none'}."
            case _:
                return f"Now: {self.use.told or 'nothing'}."


def all_limits(env: int = 1) -> list[LimitFacts]:
    """Those at which most waits first. Nine queries, however many limits."""
    facts = _declared(Function.objects.filter(env=env, removed_at=None))
    now = datetime.now(UTC)
    in_force = Q(expires_at=None) | Q(expires_at__gt=now)
    for override in LimitOverride.objects.filter(in_force, env=env):
        if override.target in facts:
            facts[override.target].override = override
    rates = {
        one.target: (one.in_force, one.period_in_force or 0.0) for one in facts.values() if one.kind is Kind.RATE_LIMIT
    }
    for target, use in (places_used(env) | gates_used(env, facts, rates, now)).items():
        if target in facts:
            facts[target].use = use
    return sorted(facts.values(), key=lambda one: (-one.use.waiting, -one.use.used, one.target))


def _declared(functions: Iterable[Function]) -> dict[str, LimitFacts]:
    facts: dict[str, LimitFacts] = {}
    for function in functions:
        for found in _of(function.slug, Flow.from_json(function.config.get("flow", {}))):
            facts.setdefault(found.target, found).functions.append(function.slug)
    return facts


def _of(slug: str, flow: Flow) -> Iterator[LimitFacts]:
    for place, limit in enumerate(flow.concurrency):
        yield LimitFacts(concurrency_target(slug, place, limit), Kind.CONCURRENCY, limit.limit, key=limit.key)
    if (throttle := flow.throttle) is not None:
        numbers = (throttle.limit, throttle.period, throttle.burst)
        yield LimitFacts(throttle_target(slug), Kind.THROTTLE, *numbers, throttle.key)
    if (rate := flow.rate_limit) is not None:
        yield LimitFacts(gate_target(slug, "rate_limit"), Kind.RATE_LIMIT, rate.limit, rate.period, key=rate.key)
    for gate, kind, rule in _rules(flow):
        yield LimitFacts(gate_target(slug, gate), kind, key=getattr(flow, gate).key, rule=rule)


def _rules(flow: Flow) -> Iterator[tuple[str, Kind, str]]:
    """Gate, kind and what it says, of those without a number that operators change."""
    if flow.idempotency is not None:
        yield "idempotency", Kind.IDEMPOTENCY, f"one run in {_time(flow.idempotency.ttl)}"
    if flow.debounce is not None:
        longest = f", at most {_time(flow.debounce.max_wait)}" if flow.debounce.max_wait else ""
        yield "debounce", Kind.DEBOUNCE, f"{_time(flow.debounce.period)} after the last event{longest}"
    if flow.batch is not None:
        yield "batch", Kind.BATCH, f"{flow.batch.max_size} events or {_time(flow.batch.timeout)}"
    if flow.fairness is not None:
        weight = "" if flow.fairness.weight == 1 else f", by weight {flow.fairness.weight}"
        yield "fairness", Kind.FAIRNESS, f"in turns{weight}"
    if flow.singleton is not None:
        words = {"skip": "further ones are skipped", "cancel": "a further one cancels it", "queue": "one more waits"}
        yield "singleton", Kind.SINGLETON, f"one run, {words[flow.singleton.mode]}"


def _says(limit: int, period: float | None) -> str:
    return f"{limit} at once" if period is None else f"{limit} in {_time(period)}"


def _time(seconds: float) -> str:
    return format_duration(timedelta(seconds=seconds))
