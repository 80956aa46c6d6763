"""What a changed limit or number of places would do: recorded runs, replayed through the real admission."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from orchestrator.core.admission import Candidate, LimitState, admit
from orchestrator.core.gcra import Rate

WORKERS = "workers"
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Job:
    """A run as it was recorded: microseconds of its arrival and of its execution, and the limits it has to pass.

    ``counted``: its wait is told; one that is not counted only takes places that others would have.
    """

    arrived: int
    duration: int
    keys: Sequence[str] = ()
    start_keys: Sequence[str] = ()
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits by the part of a key before ``|``, and how many runs the workers execute at once."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[str, Rate] = field(default_factory=dict)
    workers: int | None = None

    def state(self, key: str) -> LimitState:
        if key == WORKERS:
            return LimitState(size=self.workers)
        target = key.partition("|")[0]
        return LimitState(size=self.sizes.get(target), rate=self.rates.get(target))


@dataclass(frozen=True, slots=True)
class Prediction:
    """Seconds that the counted runs would have waited, in order, and when each run would have executed.

    ``busy``: the part of the workers' time that was used, None when nobody said how many there are.
    """

    waits: Sequence[float]
    finished_seconds: float
    busy: float | None
    executions: Sequence[tuple[int, int]] = ()  # from, until: microseconds from the first arrival

    def percentile(self, fraction: float) -> float:
        """0 when nothing arrived."""
        if not self.waits:
            return 0.0
        return self.waits[min(len(self.waits) - 1, int(fraction * len(self.waits)))]

    @property
    def per_hour(self) -> float:
        return len(self.waits) / self.finished_seconds * 3600 if self.finished_seconds else 0.0

    def at_once(self, part: int, parts: int) -> list[float]:
        """How many executed at once, on average, in each of so many parts of ``part`` microseconds."""
        used = [0] * parts
        for begin, end in self.executions:
            for n in range(begin // part, min(parts, -(-end // part))):
                used[n] += min(end, (n + 1) * part) - max(begin, n * part)
        return [time / part for time in used]


class _Replay:
    """Who waits is asked again in the order of arrival, as the engine's queues are."""

    def __init__(self, jobs: Sequence[Job], rules: Rules) -> None:
        self.jobs = jobs
        self.rules = rules
        self.now = 0
        self.started: dict[int, int] = {}
        self._states: dict[str, LimitState] = {}
        self._held: defaultdict[str, list[int]] = defaultdict(list)
        self._wakes: dict[str, int] = {}
        self._numbers = count()
        # At, kind, number, job or key: at one moment ends come first, then paces, then arrivals.
        self._events: list[tuple[int, int, int, int | str]] = []
        for n, job in enumerate(jobs):
            self._at(job.arrived, 2, n)

    def _at(self, moment: int, kind: int, what: int | str) -> None:
        heapq.heappush(self._events, (moment, kind, next(self._numbers), what))

    def run(self) -> None:
        while self._events:
            self.now, kind, _, what = heapq.heappop(self._events)
            if isinstance(what, str):  # a pace lets the next one in
                self._wakes.pop(what, None)
                self._open(what)
            elif kind == 0:
                self._end(what)
            else:
                self._try(what)

    def _keys(self, n: int) -> list[str]:
        return [*self.jobs[n].keys, WORKERS]

    def _state(self, key: str) -> LimitState:
        if key not in self._states:
            self._states[key] = self.rules.state(key)
        return self._states[key]

    def _try(self, n: int) -> None:
        """It starts now, or waits at the limit that is full."""
        job = self.jobs[n]
        keys = self._keys(n)
        states = {key: self._state(key) for key in [*keys, *job.start_keys]}
        decided = admit([Candidate(str(n), keys, job.start_keys)], states, self.now, 1)
        if decided.admitted:
            self.started[n] = self.now
            self._at(self.now + job.duration, 0, n)
            return
        [key] = decided.held.values()
        heapq.heappush(self._held[key], n)
        self._wake(key, decided.wakes.get(key))

    def _end(self, n: int) -> None:
        for key in self._keys(n):
            self._state(key).used -= 1
        for key in self._keys(n):
            self._open(key)

    def _open(self, key: str) -> None:
        queue, state = self._held[key], self._state(key)
        while queue and state.free_at(self.now) == self.now:
            self._try(heapq.heappop(queue))
        if queue:
            self._wake(key, state.free_at(self.now))

    def _wake(self, key: str, moment: int | None) -> None:
        if moment is not None and moment > self.now and self._wakes.get(key) != moment:
            self._wakes[key] = moment
            self._at(moment, 1, key)


def predict(jobs: Iterable[Job], rules: Rules) -> Prediction:
    """How the jobs would have fared under these rules, in the order they came."""
    recorded = sorted(jobs, key=lambda job: job.arrived)
    replay = _Replay(recorded, rules)
    replay.run()
    if not recorded:
        return Prediction((), 0.0, None if rules.workers is None else 0.0)
    first = recorded[0].arrived
    waits = sorted((replay.started[n] - job.arrived) / SECOND for n, job in enumerate(recorded) if job.counted)
    executions = [
        (replay.started[n] - first, replay.started[n] - first + job.duration) for n, job in enumerate(recorded)
    ]
    span = max(end for _, end in executions)
    work = sum(job.duration for job in recorded)
    busy = None if rules.workers is None or not span else work / (rules.workers * span)
    return Prediction(waits, span / SECOND, busy, executions)
