"""What runs wait for, of any number of runs at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from orchestrator.api.queries.rows import rows
from orchestrator.core.ops import Status, WaitKind
from orchestrator.core.waiting import WaitFacts, delayed_start, sentence
from orchestrator.models import Attempt, Run, Wait

PARKED = (Status.SLEEPING, Status.WAITING)


def load_waits(runs: Sequence[Run]) -> Mapping[str, list[Wait]]:
    """Open waits by run, oldest first. One query."""
    waits: dict[str, list[Wait]] = defaultdict(list)
    for wait in rows(Wait).filter(run__in=[run.id for run in runs]).order_by("created_at", "key"):
        waits[wait.run].append(wait)
    return waits


def load_parked(waits: Mapping[str, list[Wait]]) -> list[Attempt]:
    """The attempts that wait, for what their rows say of it: no large values are read. One query."""
    found = rows(Attempt).filter(run__in=list(waits), status__in=PARKED)
    return list(found.only("run", "key", "number", "status", "detail"))


def waiting_for(run: Run, waits: Iterable[Wait], attempts: Iterable[Attempt]) -> list[str]:
    """A sentence for each open wait of a run."""
    if run.status == Status.DELAYED:
        return [delayed_start(run.due_at)]
    parked = {(row.run, row.key): row.detail or {} for row in attempts if row.status in PARKED}
    return [sentence(_facts(wait, parked.get((wait.run, wait.key), {}))) for wait in waits]


def _facts(wait: Wait, detail: Mapping[str, str]) -> WaitFacts:
    return WaitFacts(
        kind=WaitKind(wait.kind),
        key=wait.key,
        name=detail.get("function", "") if wait.kind == WaitKind.CHILD else wait.name,
        match=detail.get("match") or "",
        child=detail.get("run", ""),
        due_at=wait.due_at,
    )
