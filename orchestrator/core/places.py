"""Places of execution: which queues share them, by the workers that look into more than one."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pool:
    """Queues whose runs execute on the same workers, and how many of these there are."""

    queues: frozenset[str]
    workers: int


def pool_of(queues: Iterable[str], workers: Iterable[Collection[str]]) -> Pool:
    """The pool that holds these queues; ``workers``: the queues that each looks into. Without any, it has no place."""
    known, pooled = [frozenset(served) for served in workers], frozenset(queues)
    while True:
        within = [served for served in known if served & pooled]
        grown = pooled.union(*within)
        if grown == pooled:
            return Pool(pooled, len(within))
        pooled = grown


def pools_of(queues: Iterable[str], workers: Iterable[Collection[str]]) -> list[Pool]:
    """Every queue in one pool, by the names of their queues."""
    known, found, left = list(workers), [], set(queues)
    left |= {queue for served in known for queue in served}
    while left:
        pool = pool_of([min(left)], known)
        found.append(pool)
        left -= pool.queues
    return found
