"""Which of the runs that could execute may: pure, over the state of their limits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.core.gcra import Rate, next_start, start


@dataclass(slots=True)
class LimitState:
    """A limit as it stands: ``used`` of ``size`` slots, or the pace of starts. None: no such limit."""

    size: int | None = None
    used: int = 0
    rate: Rate | None = None
    tat: int | None = None  # microseconds
    awaited: bool = False  # somebody waits there already

    def free_at(self, now: int) -> int | None:
        """``now`` when it lets one more in, else the moment at which it will; None when nobody can tell."""
        if self.size is not None and self.used >= self.size:
            return None
        if self.rate is not None and (at := next_start(self.rate, self.tat)) > now:
            return at
        return now

    def take(self, now: int) -> None:
        if self.size is not None:
            self.used += 1
        if self.rate is not None:
            self.tat = start(self.rate, self.tat, now)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that could execute. ``keys`` of its concurrency limits; ``start_keys`` count at its first start only."""

    run: str
    keys: Sequence[str]
    start_keys: Sequence[str] = ()


@dataclass(slots=True)
class Admission:
    """Runs let in, in order; of those held, the limit that each waits at; when a pace lets the next one in."""

    admitted: list[str] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)
    wakes: dict[str, int] = field(default_factory=dict)


def admit(candidates: Iterable[Candidate], limits: Mapping[str, LimitState], now: int, room: int) -> Admission:
    """Lets candidates in, in their order, while every limit of theirs has a place and there is ``room``.

    Takes the places in ``limits``. What finds no room is neither let in nor held.
    """
    decided = Admission()
    for candidate in candidates:
        keys = [*candidate.keys, *candidate.start_keys]
        closed = next((key for key in keys if limits[key].free_at(now) != now), None)
        if closed is not None:
            decided.held[candidate.run] = closed
            wake = limits[closed].free_at(now)
            if wake is not None:
                decided.wakes[closed] = wake
            continue
        if len(decided.admitted) >= room:
            break
        for key in keys:
            limits[key].take(now)
        decided.admitted.append(candidate.run)
    return decided
