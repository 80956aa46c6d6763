"""What is under way at one limit: who holds its places, who waits, what its gate remembers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
from django.db.models import Q

from orchestrator.admin.limit_facts import Kind, LimitFacts
from orchestrator.admin.limit_use import MOST_READ, by_value, open_runs, singleton_slots, value_in, windows
from orchestrator.core.turns import TURN, clock_key
from orchestrator.models import Limit, Run, Slot
from orchestrator.models.fields import from_micros

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Cell:
    """``run``: that it leads to."""

    text: str
    run: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    @property
    def labelled(self) -> list[list[tuple[str, Cell]]]:
        """Each cell with its heading, for those who see a row as a card."""
        return [list(zip(self.headings, row, strict=True)) for row in self.rows]


def tables_of(facts: LimitFacts, env: int = 1) -> list[Table]:
    """At most a hundred rows each; those without any are left out."""
    now = datetime.now(UTC)
    match facts.kind:
        case Kind.CONCURRENCY | Kind.THROTTLE:
            found = [_values(facts, env), _holders(facts, env), _waiting(facts, env)]
        case Kind.RATE_LIMIT:
            found = [_starts(facts, env, now)]
        case Kind.DEBOUNCE:
            found = [_debounced(facts, env)]
        case Kind.BATCH:
            found = [_batches(facts, env)]
        case Kind.SINGLETON:
            found = _singletons(facts, env)
        case Kind.IDEMPOTENCY:
            found = [_keys(facts, env, now)]
        case Kind.FAIRNESS:
            found = [_turns(facts, env)]
    return [table for table in found if table.rows]


def _values(facts: LimitFacts, env: int) -> Table:
    rows = by_value(Limit.objects.filter(env=env, target=facts.target)).filter(Q(used__gt=0) | Q(waiting__gt=0))
    shown = rows.order_by("-waiting", "-used")[:MOST_SHOWN] if facts.key else []
    cells = [_cells(value_in(row.key), str(row.used), str(row.waiting)) for row in shown]
    return Table("Values", ("Value", "In use", "Waiting"), cells)


def _holders(facts: LimitFacts, env: int) -> Table:
    keys = Limit.objects.filter(env=env, target=facts.target).values("key")
    held = Slot.objects.filter(key__in=keys).values("run")
    runs = Run.objects.filter(id__in=held).exclude(owner=None).order_by("started_at")[:MOST_SHOWN]
    cells = [[_run(run), *_cells(run.function, _moment(run.started_at))] for run in runs]
    return Table("Who holds a place", ("Run", "Function", "Since"), cells)


def _waiting(facts: LimitFacts, env: int) -> Table:
    keys = Limit.objects.filter(env=env, target=facts.target).values("key")
    runs = Run.objects.filter(gate__in=keys).order_by("prio")[:MOST_SHOWN]
    cells = [[_run(run), *_cells(run.function, value_in(run.gate or ""), _moment(run.queued_at))] for run in runs]
    return Table("Who waits", ("Run", "Function", "Value", "Since"), cells)


def _starts(facts: LimitFacts, env: int, now: datetime) -> Table:
    limit, period = facts.in_force, facts.period_in_force or 0.0
    found = windows(env, {facts.target: (limit, period)}, now).get(facts.target, {})
    rows = []
    for value, starts in found.items():
        used = sum(count for _, count in starts)
        back = from_micros(starts[0][0]) + timedelta(seconds=period)
        rows.append((used, _cells(value, str(used), str(max(0, limit - used)), _moment(back))))
    rows.sort(key=lambda row: -row[0])
    headings = ("Value", "Started in the window", "Left", "The next place comes back")
    return Table("Windows", headings, [cells for _, cells in rows[:MOST_SHOWN]])


def _debounced(facts: LimitFacts, env: int) -> Table:
    rows = [
        [
            *_cells(one.value),
            _run(one.run),
            *_cells(str(one.state["times"] + 1), _moment(from_micros(one.state["first"])), _moment(one.run.due_at)),
        ]
        for one in open_runs(env, [facts.target])[:MOST_SHOWN]
    ]
    return Table("Open runs", ("Value", "Run", "Events", "First event", "Starts, if no other comes"), rows)


def _batches(facts: LimitFacts, env: int) -> Table:
    rows = [
        [*_cells(one.value), _run(one.run), *_cells(str(one.state["n"]), _moment(one.run.due_at))]
        for one in open_runs(env, [facts.target])[:MOST_SHOWN]
    ]
    return Table("Open batches", ("Value", "Run", "Events", "Starts at the latest"), rows)


def _singletons(facts: LimitFacts, env: int) -> list[Table]:
    slots = list(singleton_slots(env).filter(key__startswith=f"{env}:{facts.target}|").order_by("at")[:MOST_SHOWN])
    runs = Run.objects.in_bulk([slot.run for slot in slots])
    held: list[list[Cell]] = []
    waiting: list[list[Cell]] = []
    for slot in slots:
        if (run := runs.get(slot.run)) is not None:
            cells = [*_cells(value_in(slot.key)), _run(run), *_cells(run.status, _moment(slot.at))]
            (waiting if slot.waits else held).append(cells)
    headings = ("Value", "Run", "Status", "Since")
    return [Table("Who holds the place", headings, held), Table("Who waits", headings, waiting)]


def _keys(facts: LimitFacts, env: int, now: datetime) -> Table:
    rows = Limit.objects.filter(env=env, target=facts.target, expires_at__gt=now, state__isnull=False)
    cells = []
    for row in rows.order_by("-expires_at")[:MOST_SHOWN]:
        run = orjson.loads(row.state or "{}")["run"]
        cells.append([*_cells(value_in(row.key)), Cell(run, run), *_cells(_moment(row.expires_at))])
    return Table("Values known, the newest first", ("Value", "Run", "Until"), cells)


def _turns(facts: LimitFacts, env: int) -> Table:
    """Of each value, how far the last of its runs that waits is from its turn."""
    clock = Limit.objects.filter(key=clock_key(env, facts.functions[0])).values_list("tat", flat=True).first() or 0
    rows = Limit.objects.filter(env=env, target=facts.target, state__isnull=False).order_by("-expires_at")
    ahead = [(value_in(row.key), orjson.loads(row.state or "{}")["next"] - clock) for row in rows[:MOST_READ]]
    shown = sorted((turns, value) for value, turns in ahead if turns > TURN)
    cells = [_cells(value, f"{turns / TURN:.1f}") for turns, value in reversed(shown)][:MOST_SHOWN]
    return Table("Turns", ("Value", "Turns until its last run"), cells)


def _cells(*texts: str) -> list[Cell]:
    return [Cell(text) for text in texts]


def _run(run: Run) -> Cell:
    return Cell(run.id, run.id)


def _moment(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
