"""Places of execution: which queues share them, by the workers that look into more than one."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pool:
    """Queues whose runs execute on the same workers, and how many runs each of these executes at once."""

    queues: frozenset[str]
    each: tuple[int, ...]

    @property
    def places(self) -> int:
        return sum(self.each)


@dataclass(frozen=True, slots=True)
class Serving:
    """The queues that a worker looks into, and how many runs it executes at once."""

    queues: frozenset[str]
    places: int


def pool_of(queues: Iterable[str], workers: Collection[Serving]) -> Pool:
    """The pool that holds these queues. Without a worker it has no place."""
    pooled = frozenset(queues)
    while True:
        within = [worker for worker in workers if worker.queues & pooled]
        grown = pooled.union(*(worker.queues for worker in within))
        if grown == pooled:
            return Pool(pooled, tuple(worker.places for worker in within))
        pooled = grown


def pools_of(queues: Iterable[str], workers: Collection[Serving]) -> list[Pool]:
    """Every queue in one pool, by the names of their queues."""
    found, left = [], set(queues)
    left = left.union(*(worker.queues for worker in workers))
    while left:
        pool = pool_of([min(left)], workers)
        found.append(pool)
        left -= pool.queues
    return found
