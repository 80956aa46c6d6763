"""The runs of the last day as jobs that can be replayed: when each came, and for how long it executed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import orjson
from django.db.models import Q, QuerySet

from orchestrator.core.ids import new_id
from orchestrator.core.ops import OpKind, Status
from orchestrator.core.trace import AttemptFacts, RunFacts, step_spans, waited_us
from orchestrator.core.whatif import Job
from orchestrator.models import Attempt, Run
from orchestrator.models.fields import from_micros, to_micros

LOOK_BACK = timedelta(hours=24)
MOST_RUNS = 5_000
MOST_ATTEMPTS = 50_000  # of runs that rested; older ones count as if they had not
RESTS = (OpKind.SLEEP, OpKind.WAIT_FOR_EVENT, OpKind.WAIT_FOR_SIGNAL, OpKind.INVOKE)
FACTS = ("key", "number", "op", "ordinal", "status", "queued_at", "started_at", "ended_at", "reused", "detail")


@dataclass(frozen=True, slots=True)
class Recorded:
    """``jobs`` of the newest runs since ``since``."""

    jobs: list[Job]
    since: datetime

    @property
    def counted(self) -> int:
        return sum(job.counted for job in self.jobs)


def recorded(queues: Collection[str], functions: Collection[str] | None, env: int = 1) -> Recorded | None:
    """What these queues executed in the last day; counted are those of ``functions``, or all.

    When so much was executed that the newest runs have none of these functions, theirs alone. None when there is
    none. Three queries, or four.
    """
    begin = datetime.now(UTC) - LOOK_BACK
    ended = Run.objects.filter(
        env=env, id__gte=new_id(begin, bytes(10)), started_at__isnull=False, ended_at__isnull=False
    ).order_by("-id")
    jobs = _read(ended.filter(queue__in=queues), functions)
    if functions is not None and not any(job.counted for job in jobs):
        jobs = _read(ended.filter(function__in=functions), functions)
    if not jobs:
        return None
    return Recorded(jobs, from_micros(min(job.arrived for job in jobs)))


def _read(runs: "QuerySet[Run]", functions: Collection[str] | None) -> list[Job]:
    rows = list(runs[:MOST_RUNS])
    rested = _rested(rows)
    return [_job(run, rested.get(run.id, 0), functions is None or run.function in functions) for run in rows]


def _job(run: Run, rested: int, counted: bool) -> Job:
    assert run.started_at is not None
    assert run.ended_at is not None
    targets = [(key, key.partition(":")[2]) for key in orjson.loads(run.limits or "[]")]
    return Job(
        to_micros(run.queued_at),
        max(1, to_micros(run.ended_at) - to_micros(run.started_at) - rested),
        [target for _, target in targets if not target.startswith("throttle:")],
        [target for _, target in targets if target.startswith("throttle:")],
        counted,
    )


def _rested(rows: list[Run]) -> dict[str, int]:
    """Microseconds in which runs were only waiting, and held no place. One query."""
    if not rows:
        return {}
    known = {run.id: run for run in rows}
    span = Attempt.objects.filter(run__gte=rows[-1].id, run__lte=rows[0].id)
    resting = span.filter(Q(op__in=RESTS) | Q(number__gt=1)).values("run")
    attempts = span.filter(run__in=resting).order_by("-run").values_list("run", *FACTS)[:MOST_ATTEMPTS]
    rested = {}
    for id, some in groupby(attempts, key=lambda row: row[0]):
        run = known.get(id)
        if run is not None and run.ended_at is not None:
            about = RunFacts(Status(run.status), run.queued_at, run.started_at, run.ended_at)
            spans = step_spans(about, [_attempt(row[1:]) for row in some])
            rested[id] = waited_us(spans, to_micros(run.ended_at) - to_micros(run.queued_at))
    return rested


def _attempt(row: Sequence[Any]) -> AttemptFacts:
    key, number, op, ordinal, status, queued_at, started_at, ended_at, reused, detail = row
    return AttemptFacts(
        key, number, OpKind(op), ordinal, Status(status), queued_at, started_at, ended_at, reused, detail or {}
    )
