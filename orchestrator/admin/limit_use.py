"""How much of each limit is used, by all values of its key together. ``gates_used`` reads what gates remember."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from orchestrator.core import window
from orchestrator.core.gating import gate_target
from orchestrator.core.ops import Status
from orchestrator.engine.limit_rows import target_of
from orchestrator.models import Limit, Run, Slot
from orchestrator.models.fields import to_micros

MOST_READ = 2_000  # values of keys, of all rate limits, and of all debounces and batches, those that came last
CALLS = ":call"  # calls are debounced apart from events


@dataclass(frozen=True, slots=True)
class Use:
    """``told`` says what a number cannot."""

    used: int = 0
    waiting: int = 0
    told: str = ""


NO_USE = Use()


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A debounced run or a batch that has not begun, the value of its key, and what its gate remembers."""

    target: str
    value: str
    run: Run
    state: Mapping[str, int]


def places_used(env: int) -> dict[str, Use]:
    """Of concurrency and throttles. One query."""
    totals: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in by_value(Limit.objects.filter(env=env, expires_at=None)):
        totals[row.target][0] += row.used
        totals[row.target][1] += row.waiting
    return {target: Use(used, waiting, str(used)) for target, (used, waiting) in totals.items()}


def gates_used(
    env: int, targets: Iterable[str], rates: Mapping[str, tuple[int, float]], now: datetime
) -> dict[str, Use]:
    """Of rate limits, debounces, batches, singletons, idempotency and fairness. Six queries.

    ``rates``: starts and seconds that are in force.
    """
    open_ = [target for target in targets if target.startswith(("debounce:", "batch:"))]
    return {
        **{target: _rate_used(some, *rates[target]) for target, some in windows(env, rates, now).items()},
        **_open_used(open_runs(env, open_)),
        **_singletons_used(env),
        **_keys_known(env, now),
        **_turns_waited_for(env),
    }


def by_value(limits: "QuerySet[Limit]") -> "QuerySet[Limit]":
    """With ``used``, places whose runs somebody holds under that fence, and ``waiting``."""
    holder = Run.objects.filter(id=OuterRef("run"), owner__isnull=False, fence=OuterRef("fence"))
    slots = Slot.objects.filter(Exists(holder), key=OuterRef("key")).order_by()
    used = slots.values("key").annotate(n=Count("run")).values("n")
    waiting = Run.objects.filter(gate=OuterRef("key")).order_by().values("gate").annotate(n=Count("id")).values("n")
    return limits.annotate(used=Coalesce(Subquery(used), 0), waiting=Coalesce(Subquery(waiting), 0))


def windows(env: int, rates: Mapping[str, tuple[int, float]], now: datetime) -> dict[str, dict[str, list[window.Heap]]]:
    """Starts in the window of each value, by target. One query."""
    found: defaultdict[str, dict[str, list[window.Heap]]] = defaultdict(dict)
    rows = Limit.objects.filter(env=env, target__in=list(rates), expires_at__gt=now, state__isnull=False)
    for key, target, state in rows.order_by("-expires_at").values_list("key", "target", "state")[:MOST_READ]:
        period = timedelta(seconds=rates[target][1])
        starts = [(at, count) for at, count in orjson.loads(state) if at > to_micros(now - period)]
        if starts:
            found[target][value_in(key)] = starts
    return found


def open_runs(env: int, targets: Iterable[str]) -> list[OpenRun]:
    """Debounced runs and batches that have not begun, the next one first. Two queries."""
    wanted = [name for target in targets for name in (target, target + CALLS)]
    rows = Limit.objects.filter(env=env, target__in=wanted, state__isnull=False).order_by("-expires_at")
    states = {}
    for key, target, state in rows.values_list("key", "target", "state")[:MOST_READ]:
        if (read := orjson.loads(state)) is not None:
            states[read["run"]] = (target.removesuffix(CALLS), value_in(key), read)
    runs = Run.objects.filter(id__in=list(states), status=Status.DELAYED, owner=None).order_by("due_at")
    return [OpenRun(target, value, run, state) for run in runs for target, value, state in [states[run.id]]]


def singleton_slots(env: int) -> "QuerySet[Slot]":
    """Places of runs that have not ended; ``waits``: for the one before it to end."""
    run = Run.objects.filter(id=OuterRef("run"), ended_at=None)
    slots = Slot.objects.filter(Exists(run), fence=0, key__startswith=f"{env}:singleton:")
    return slots.annotate(waits=Exists(run.filter(gate=OuterRef("key"))))


def value_in(key: str) -> str:
    """The value as JSON, or its hash."""
    return key.partition("|")[2]


def _rate_used(values: Mapping[str, Collection[window.Heap]], limit: int, period: float) -> Use:
    numbers = [sum(count for _, count in starts) for starts in values.values()]
    full = sum(number >= limit for number in numbers)
    if list(values) == ["null"]:
        return Use(numbers[0], 0, f"{numbers[0]} of {limit}")
    return Use(sum(numbers), 0, f"{sum(numbers)} by {_values(len(values))}, {full} full")


def _open_used(found: Iterable[OpenRun]) -> dict[str, Use]:
    by_target: defaultdict[str, list[OpenRun]] = defaultdict(list)
    for one in found:
        by_target[one.target].append(one)
    return {
        target: Use(len(some), 0, f"{len(some)} open, the next until {some[0].run.due_at:%H:%M:%S} UTC")
        for target, some in by_target.items()
    }


def _singletons_used(env: int) -> dict[str, Use]:
    totals: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    rows = singleton_slots(env).order_by().values_list("key", "waits").annotate(n=Count("run"))
    for key, waits, number in rows:
        totals[target_of(key)][int(waits)] += number
    return {target: Use(held, waiting, str(held)) for target, (held, waiting) in totals.items()}


def _keys_known(env: int, now: datetime) -> dict[str, Use]:
    rows = Limit.objects.filter(Q(target__startswith="idempotency:"), env=env, expires_at__gt=now).order_by()
    known = rows.values_list("target").annotate(n=Count("key"))
    return {target: Use(number, 0, f"{_values(number)} known") for target, number in known}


def _turns_waited_for(env: int) -> dict[str, Use]:
    waiting = Run.objects.filter(env=env, status=Status.QUEUED, owner=None, fair__isnull=False, started_at=None)
    counted = waiting.order_by().values_list("function").annotate(n=Count("id"))
    return {gate_target(function, "fairness"): Use(0, number) for function, number in counted}


def _values(number: int) -> str:
    return "1 value" if number == 1 else f"{number:,} values"
