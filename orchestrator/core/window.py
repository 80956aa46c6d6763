"""At most so many starts in any period: the starts of the last one, exact up to 256, in small heaps beyond.

Moments in microseconds.
"""

from collections.abc import Sequence

EXACT = 256  # starts that are remembered one by one; of more, those within a 256th of the period are one heap
Heap = tuple[int, int]  # the latest moment of some starts, and how many they are


def room(starts: Sequence[Heap], limit: int, period: int, now: int) -> int:
    """How many may start now.

    A heap counts until its latest start is over a period old: any period holds at most ``limit`` starts, and the place
    of one comes back at most a 256th of a period late.
    """
    return max(0, limit - sum(count for at, count in starts if at > now - period))


def add(starts: Sequence[Heap], limit: int, period: int, now: int) -> list[Heap]:
    """The starts with one more at ``now``, without those that no longer count."""
    now = max(now, starts[-1][0]) if starts else now  # clocks of two machines
    kept = [(at, count) for at, count in starts if at > now - period]
    grid = 1 if limit <= EXACT else max(1, period // EXACT)
    if kept and kept[-1][0] // grid == now // grid:
        return [*kept[:-1], (now, kept[-1][1] + 1)]
    return [*kept, (now, 1)]
