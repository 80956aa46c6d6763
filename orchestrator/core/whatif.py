"""What a changed limit would do: recorded arrivals and durations, replayed through the real admission."""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from orchestrator.core.admission import Candidate, LimitState, admit
from orchestrator.core.gcra import Rate

WORKERS = "workers"
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Job:
    """A run as it was recorded: microseconds of its arrival and of its execution, and the limits it has to pass."""

    arrived: int
    duration: int
    keys: Sequence[str] = ()
    start_keys: Sequence[str] = ()


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
    """Seconds that runs would have waited; ``busy``: the part of the workers' time that was used, None without them."""

    waits: Sequence[float]
    finished_seconds: float
    busy: float | None

    def percentile(self, fraction: float) -> float:
        """0 when nothing arrived."""
        if not self.waits:
            return 0.0
        return self.waits[min(len(self.waits) - 1, int(fraction * len(self.waits)))]

    @property
    def per_hour(self) -> float:
        return len(self.waits) / self.finished_seconds * 3600 if self.finished_seconds else 0.0


class _Replay:
    def __init__(self, jobs: Sequence[Job], rules: Rules) -> None:
        self.jobs = jobs
        self.rules = rules
        self.now = 0
        self.started: dict[int, int] = {}
        self._states: dict[str, LimitState] = {}
        self._held: defaultdict[str, deque[int]] = defaultdict(deque)
        self._numbers = count()
        self._events: list[tuple[int, int, int, int | str]] = []  # at, kind, number, job or key
        for n, job in enumerate(jobs):
            self._at(job.arrived, 1, n)

    def _at(self, moment: int, kind: int, what: int | str) -> None:
        heapq.heappush(self._events, (moment, kind, next(self._numbers), what))

    def run(self) -> None:
        while self._events:
            self.now, kind, _, what = heapq.heappop(self._events)
            if kind == 0 and isinstance(what, int):
                self._end(what)
            elif isinstance(what, int):
                self._try(what)
            else:
                self._open(what)

    def _keys(self, n: int) -> list[str]:
        return [*self.jobs[n].keys, WORKERS]

    def _state(self, key: str) -> LimitState:
        if key not in self._states:
            self._states[key] = self.rules.state(key)
        return self._states[key]

    def _try(self, n: int, *, first: bool = False) -> bool:
        """Whether it may start now; else it waits at the limit that is full."""
        job = self.jobs[n]
        keys = self._keys(n)
        states = {key: self._state(key) for key in [*keys, *job.start_keys]}
        decided = admit([Candidate(str(n), keys, job.start_keys)], states, self.now, 1)
        if decided.admitted:
            self.started[n] = self.now
            self._at(self.now + job.duration, 0, n)
            return True
        [key] = decided.held.values()
        queue = self._held[key]
        if first:
            queue.appendleft(n)
        else:
            queue.append(n)
        if key in decided.wakes and (first or len(queue) == 1):
            self._at(decided.wakes[key], 2, key)
        return False

    def _end(self, n: int) -> None:
        for key in self._keys(n):
            self._state(key).used -= 1
        for key in self._keys(n):
            self._open(key)

    def _open(self, key: str) -> None:
        queue = self._held[key]
        while queue and self._state(key).free_at(self.now) == self.now:
            self._try(queue.popleft(), first=True)
        state = self._state(key)
        if queue and (wake := state.free_at(self.now)) is not None and wake > self.now:
            self._at(wake, 2, key)


def predict(jobs: Iterable[Job], rules: Rules) -> Prediction:
    """How the jobs would have fared under these rules, in the order they came."""
    recorded = sorted(jobs, key=lambda job: job.arrived)
    replay = _Replay(recorded, rules)
    replay.run()
    waits = sorted((replay.started[n] - job.arrived) / SECOND for n, job in enumerate(recorded))
    if not recorded:
        return Prediction((), 0.0, None if rules.workers is None else 0.0)
    span = max(replay.started[n] + job.duration for n, job in enumerate(recorded)) - recorded[0].arrived
    work = sum(job.duration for job in recorded)
    busy = None if rules.workers is None or not span else work / (rules.workers * span)
    return Prediction(waits, span / SECOND, busy)
