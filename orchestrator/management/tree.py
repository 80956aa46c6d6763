"""A run with its steps and the runs that its steps started, as the waterfall's spans."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.api.queries.rows import rows
from orchestrator.api.queries.steps import attempt_facts
from orchestrator.core.ops import Status
from orchestrator.core.trace import AttemptFacts, RunFacts, Span, run_span, step_spans
from orchestrator.models import Attempt, Run

DEEPEST = 4  # levels of child runs
MOST = 200  # child runs of a level
COLUMNS = ("run", "key", "number", "op", "ordinal", "status", "queued_at", "started_at", "ended_at", "reused", "detail")


@dataclass(slots=True)
class Branch:
    """A run as its own span, its steps, and the runs they started by step key."""

    run: Run
    own: Span
    steps: Sequence[Span]
    children: dict[str, "Branch"] = field(default_factory=dict)


def read_tree(run: Run) -> Branch:
    """The run and what hangs on it, a few levels deep: two queries a level."""
    root = _branches([run])[run.id]
    level = [root]
    for _ in range(DEEPEST):
        wanted = {span.child: (branch, span.key) for branch in level for span in branch.steps if span.child}
        ids = list(wanted)[:MOST]
        if not ids:
            break
        found = _branches(rows(Run).filter(id__in=ids))
        for id, child in found.items():
            parent, key = wanted[id]
            parent.children[key] = child
        level = list(found.values())
    return root


def _branches(runs: Iterable[Run]) -> Mapping[str, Branch]:
    known = {run.id: run for run in runs}
    attempts: dict[str, list[AttemptFacts]] = {id: [] for id in known}
    for row in rows(Attempt).filter(run__in=list(known)).only(*COLUMNS):
        attempts[row.run].append(attempt_facts(row))
    return {id: _branch(run, attempts[id]) for id, run in known.items()}


def _branch(run: Run, attempts: Sequence[AttemptFacts]) -> Branch:
    about = RunFacts(Status(run.status), run.queued_at, run.started_at, run.ended_at)
    return Branch(run, run_span(about, attempts), step_spans(about, attempts))
