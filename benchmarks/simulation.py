"""A discrete-event simulation of an installation: arrivals, workers, group commit. A seed has one answer.

    python -m benchmarks.simulation --rate 500 --workers 2 --engine-us 330

Runs arrive by themselves (Poisson) and wait in one queue. A worker is one processor core of an engine: it works on one
run's steps at a time, since Python does. Database commits are a second station that all workers share: whoever waits
while one is under way goes into the next one together, which is what group commit means.
"""

import heapq
import random
import sys
from argparse import ArgumentParser
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What is measured: processor time of an engine for a run, and what a commit costs the database."""

    workers: int = 1
    engine_seconds: float  # of one core, for all of a run that is not the author's own code
    commit_seconds: float = 0.0  # of a commit, however much is in it
    row_seconds: float = 0.0  # of the database, for what one run adds to a commit
    steps: int = 1  # commits that a run waits for, one after another
    concurrency: int = 500  # runs that a worker has begun and not ended


@dataclass(frozen=True, slots=True)
class Prediction:
    """Runs a second that ended, and seconds: waiting for a worker at first, and from arrival to end."""

    throughput: float
    wait_mean: float
    wait_p50: float
    wait_p95: float
    total_p50: float
    total_p95: float


def simulate(
    installation: Installation, *, rate: float, runs: int, seed: int = 1, service: str = "fixed", warm_up: float = 0.1
) -> Prediction:
    """What ``runs`` runs meet that arrive ``rate`` a second. ``service``: "fixed" or "exponential" engine time."""
    return _Simulation(installation, rate, service, random.Random(seed)).run(runs, int(runs * warm_up))


class _Run:
    __slots__ = ("arrived", "begun", "left")

    def __init__(self, arrived: float, steps: int) -> None:
        self.arrived = arrived
        self.begun = -1.0
        self.left = steps


class _Simulation:
    def __init__(self, installation: Installation, rate: float, service: str, chance: random.Random) -> None:
        self._of = installation
        self._rate = rate
        self._chance = chance
        self._exponential = service == "exponential"
        self._events: list[tuple[float, int, str, object]] = []
        self._order = count()
        self._ready: deque[_Run] = deque()
        self._idle = installation.workers
        self._room = installation.workers * installation.concurrency
        self._uncommitted: list[_Run] = []
        self._committing = False

    def run(self, runs: int, ignored: int) -> Prediction:
        waits, totals, ends = [], [], []
        arrivals = self._arrivals(runs)
        self._at(next(arrivals), "arrival")
        while self._events:
            now, _, kind, what = heapq.heappop(self._events)
            if kind == "arrival":
                self._ready.append(_Run(now, self._of.steps))
                if (following := next(arrivals, None)) is not None:
                    self._at(following, "arrival")
            elif kind == "worked":
                self._idle += 1
                assert isinstance(what, _Run)
                self._uncommitted.append(what)
            else:
                self._committing = False
                assert isinstance(what, list)
                for each in what:
                    each.left -= 1
                    if each.left:
                        self._ready.appendleft(each)  # a run that goes on is not queued behind new ones
                    else:
                        self._room += 1
                        waits.append(each.begun - each.arrived)
                        totals.append(now - each.arrived)
                        ends.append(now)
            self._work(now)
            self._commit(now)
        return _prediction(waits[ignored:], totals[ignored:], ends[ignored:])

    def _arrivals(self, runs: int) -> Iterator[float]:
        at = 0.0
        for _ in range(runs):
            at += self._chance.expovariate(self._rate)
            yield at

    def _work(self, now: float) -> None:
        while self._idle and self._ready and (self._room or self._ready[0].begun >= 0):
            self._idle -= 1
            run = self._ready.popleft()
            if run.begun < 0:
                run.begun = now
                self._room -= 1
            mean = self._of.engine_seconds / self._of.steps
            self._at(now + (self._chance.expovariate(1 / mean) if self._exponential else mean), "worked", run)

    def _commit(self, now: float) -> None:
        if self._uncommitted and not self._committing:
            batch, self._uncommitted = self._uncommitted, []
            self._committing = True
            rows = len(batch) * self._of.row_seconds / self._of.steps
            self._at(now + self._of.commit_seconds + rows, "committed", batch)

    def _at(self, moment: float, kind: str, what: object = None) -> None:
        heapq.heappush(self._events, (moment, next(self._order), kind, what))


def _prediction(waits: list[float], totals: list[float], ends: list[float]) -> Prediction:
    waits, totals = sorted(waits), sorted(totals)
    return Prediction(
        throughput=(len(ends) - 1) / (ends[-1] - ends[0]),
        wait_mean=sum(waits) / len(waits),
        wait_p50=_at_share(waits, 0.50),
        wait_p95=_at_share(waits, 0.95),
        total_p50=_at_share(totals, 0.50),
        total_p95=_at_share(totals, 0.95),
    )


def _at_share(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


def main(arguments: list[str]) -> None:
    parser = ArgumentParser(prog="python -m benchmarks.simulation", description="docs/scaling.md explains.")
    parser.add_argument("--rate", type=float, required=True, help="runs that arrive in a second")
    parser.add_argument("--workers", type=int, default=1, help="engines, each with a core of its own")
    parser.add_argument("--steps", type=int, default=5, help="of a run")
    parser.add_argument("--engine-us", type=float, default=330.0, help="an engine's processor time for a run")
    parser.add_argument("--commit-us", type=float, default=1000.0, help="a commit's time, however much is in it")
    parser.add_argument("--row-us", type=float, default=150.0, help="the database's time for the rows of a run")
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    installation = Installation(
        workers=given.workers,
        engine_seconds=given.engine_us / 1e6,
        commit_seconds=given.commit_us / 1e6,
        row_seconds=given.row_us / 1e6,
        steps=given.steps,
    )
    found = simulate(installation, rate=given.rate, runs=given.runs, seed=given.seed)
    print(f"{found.throughput:,.0f} runs/s")
    print(f"queue wait p50 {found.wait_p50 * 1000:.2f} ms, p95 {found.wait_p95 * 1000:.2f} ms")
    print(f"arrival to end p50 {found.total_p50 * 1000:.2f} ms, p95 {found.total_p95 * 1000:.2f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
