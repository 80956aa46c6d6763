"""Turns between the values of a key: a thousand runs of one let ten of another by. Pure.

Start-time fair queueing (Goyal, Vin, Cheng 1996): each run is given a turn on a clock that counts runs, not time. A
value's next turn comes after its last one by 1 / weight; a value that has rested begins where the clock is now.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from orchestrator.core.controls import LEAST_WEIGHT, MOST_WEIGHT
from orchestrator.core.flow import Flow
from orchestrator.core.limiting import head_start, limit_key, number_of, value_of

TURN = 1_000_000  # of a run of weight 1
MOST_AHEAD = 43_200.0  # turns that a priority puts a run ahead
Place = tuple[int, str]  # environment and function, whose runs take turns
Queued = TypeVar("Queued")


@dataclass(frozen=True, slots=True)
class Share:
    """What a run takes of its function's turns. ``ahead``: by how much a priority puts it before its turn."""

    key: str
    clock: str
    stride: int
    ahead: int = 0


def share_of(env: int, slug: str, flow: Flow, event: Mapping[str, Any]) -> Share | None:
    """None for a function without fairness. A weight that is no number is 1. Raises InvalidExpression."""
    fairness = flow.fairness
    if fairness is None:
        return None
    weight = number_of(fairness.weight, event)
    stride = TURN if weight is None else round(TURN / max(LEAST_WEIGHT, min(MOST_WEIGHT, weight)))
    key = limit_key(env, f"fairness:{slug}", value_of(fairness.key, event))
    return Share(key, clock_key(env, slug), stride, round(head_start(flow, event, MOST_AHEAD) * TURN))


def clock_key(env: int, slug: str) -> str:
    """Where it is kept how far the turns of a function have come."""
    return limit_key(env, f"turns:{slug}", None)


def take_turns(shares: Iterable[Share], clocks: Mapping[str, int], nexts: dict[str, int]) -> list[int]:
    """The turn of each run, in their order. ``nexts``: by key when its next turn is; goes on with them."""
    turns = []
    for share in shares:
        turn = max(clocks.get(share.clock, 0), nexts.get(share.key, 0))
        nexts[share.key] = turn + share.stride
        turns.append(turn - share.ahead)
    return turns


def in_turn(
    found: Sequence[Queued],
    place_of: Callable[[Queued], Place | None],
    first: Callable[[Place, int], Sequence[Queued]],
) -> list[Queued]:
    """The same places in the queue, but each function's taken by those of its runs whose turn it is.

    ``place_of`` is None for a run without a turn; ``first`` answers the so many first of a function by their turns.
    """
    counts = Counter(place for one in found if (place := place_of(one)) is not None)
    if not counts:
        return list(found)
    by_turn = {place: iter(first(place, count)) for place, count in counts.items()}
    ordered = ((one, place_of(one)) for one in found)
    chosen = [one if place is None else next(by_turn[place], None) for one, place in ordered]
    return [one for one in chosen if one is not None]
