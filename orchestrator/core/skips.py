"""What a changed rate limit would do: recorded arrivals, passed through its sliding window; what is over is skipped."""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.core import window
from orchestrator.core.window import Heap


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that came for a rate limit: microseconds, and the value of its key."""

    at: int
    key: str = ""


def skipped(arrivals: Iterable[Arrival], limit: int, period: int) -> list[Arrival]:
    """Those that would find ``limit`` starts of their key in the ``period`` before them. Microseconds."""
    starts: dict[str, list[Heap]] = {}
    over = []
    for arrival in sorted(arrivals, key=lambda one: one.at):
        known = starts.get(arrival.key, [])
        if window.room(known, limit, period, arrival.at):
            starts[arrival.key] = window.add(known, limit, period, arrival.at)
        else:
            over.append(arrival)
    return over
