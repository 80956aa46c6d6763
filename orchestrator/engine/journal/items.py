"""What is appended to the journal: each item commits whole or not at all, many items in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from orchestrator.core.flow import NO_FLOW, Flow
from orchestrator.core.gating import Gates
from orchestrator.core.turns import Share
from orchestrator.engine.rows import (
    AttemptEnd,
    EventRow,
    KeyRow,
    Row,
    RunDataRow,
    RunEventRow,
    RunMove,
    RunResult,
    RunRow,
)


class Entry(NamedTuple):
    """A journal entry that has no number yet. ``data`` is JSON text."""

    kind: str
    at: datetime
    key: str = ""
    number: int = 0
    actor: str = ""
    data: str | None = None


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to insert with its first entries; ``run.seq`` counts them."""

    run: RunRow
    data: RunDataRow
    entries: Sequence[Entry]
    events: Sequence[RunEventRow] = ()
    envelopes: Sequence[Mapping[str, Any]] = ()  # the events as its function sees them
    gates: Gates | None = None  # that decide whether it is inserted
    terms: Sequence[Row] = ()  # what may end it from outside
    share: Share | None = None  # of its function's turns
    flow: Flow = NO_FLOW  # of its function

    @property
    def limits(self) -> tuple[str, ...]:
        """Keys of the limits that it has to be admitted by."""
        return tuple(orjson.loads(self.run.limits)) if self.run.limits else ()

    def with_turn(self, turn: int) -> "NewRun":
        return replace(self, run=self.run._replace(fair=turn))

    @property
    def input_value(self) -> Any:
        return orjson.loads(self.data.input) if self.data.input is not None else None


@dataclass(slots=True)
class Start:
    """An event (or a call, when ``event`` is None) with the runs it starts.

    A used ``key`` makes it a repeat: nothing starts; with ``store_repeats`` the event is stored as a duplicate,
    else ``ref`` answers what the first one made.
    """

    event: EventRow | None
    payload: Mapping[str, Any] | None = None
    runs: Sequence[NewRun] = ()
    key: KeyRow | None = None
    store_repeats: bool = False
    # Of an event whose id its sender's retries give again: used, it is stored already, whatever its own key says.
    seed: KeyRow | None = None
    ref: str = ""
    repeated: bool = False
    # What gates decided: why it starts less than ``runs``, and the runs that have the event instead of those (or none).
    turned: list[dict[str, str]] = field(default_factory=list)
    joined: dict[str, str | None] = field(default_factory=dict)

    @property
    def run_ids(self) -> list[str]:
        """The runs that have it, once it was applied."""
        found = [self.joined.get(new.run.id, new.run.id) for new in self.runs] if not self.repeated else []
        return [run for run in found if run is not None]


@dataclass(frozen=True, slots=True)
class Ingest:
    """Events to store with all their runs. Answers the starts, each with its ``ref``."""

    starts: Sequence[Start]


@dataclass(slots=True)
class Checkpoint:
    """What the owner of a run says of it. Refused with LeaseLost when ``fence`` is no longer the run's."""

    run: str
    fence: int
    entries: list[Entry] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    ends: list[AttemptEnd] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    children: list[NewRun] = field(default_factory=list)
    move: RunMove | None = None
    result: RunResult | None = None
    # A final move also: attempts still open end as cancelled; children are asked to cancel.
    cancel_children: bool = False
    taken_mail: int | None = None
    # Environment and function of a run that completes, when that is expected of it.
    success: tuple[int, str] | None = None

    @property
    def ends_run(self) -> bool:
        return self.move is not None and self.move.ended_at is not None

    @property
    def new_runs(self) -> list[NewRun]:
        """Runs that it starts."""
        started = [run for start in self.starts if not start.repeated for run in start.runs]
        return [*self.children, *started]

    def absorb(self, other: "Checkpoint") -> None:
        """Makes one checkpoint of two of the same run and fence, this one first."""
        for name in ("entries", "rows", "ends", "starts", "children"):
            getattr(self, name).extend(getattr(other, name))
        self.move = other.move or self.move
        self.result = other.result or self.result
        self.cancel_children = self.cancel_children or other.cancel_children
        self.success = other.success or self.success


@dataclass(frozen=True, slots=True)
class Call:
    """Anything else that reads and writes in the journal's transaction: ``function`` takes the ``Tx``.

    ``function`` raises an OrchestratorError only before it wrote anything: then the others of the batch still commit.
    """

    function: Callable[[Any], Any]


Item = Ingest | Checkpoint | Call
