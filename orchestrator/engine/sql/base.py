"""What the engine asks of a database: the hot statements by name, and a small portable way for the rest.

Portable statements use ``?`` for parameters; parameters and results are plain Python (``Id``, datetime, str, int).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from orchestrator.engine.rows import AttemptEnd, KeyRow, Row, RunMove, RunResult


class Id(str):
    """Marks a parameter as a ULID, so that the dialect sends 16 bytes."""

    __slots__ = ()


class FenceClaim(NamedTuple):
    """``n`` journal numbers wanted for a run held with ``fence``."""

    run: str
    fence: int
    n: int


# What whoever holds a run has to know of it: engine.facts.
FACTS = (
    *("id", "env", "function", "fence", "attempt", "root", "parent", "parent_key", "replay_of", "queue", "version"),
    *("queued_at", "started_at", "lost"),
)
FACT_COLUMNS = ", ".join(FACTS)
RESERVED = len(FACTS)  # in a row of ``claim``: the number of the journal that it has reserved for the run


class Connection(ABC):
    """One database connection of the engine, in autocommit outside ``begin`` and ``commit``."""

    vendor: str
    busy_errors: tuple[type[Exception], ...]  # a lock was taken: what failed may be done again
    lost_errors: tuple[type[Exception], ...]  # the connection is gone; a commit's outcome may be unknown
    errors: type[Exception]  # any error of the database

    @abstractmethod
    def begin(self) -> None: ...

    @abstractmethod
    def commit(self) -> None: ...

    @abstractmethod
    def rollback(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def reconnect(self) -> None: ...

    @abstractmethod
    def is_lost(self) -> bool:
        """Whether the connection is gone."""

    @abstractmethod
    def query(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a portable statement; ids come back as given by the driver: pass them through ``id``."""

    @abstractmethod
    def ask(self, sql: str, params: Sequence[Any] = ()) -> Callable[[], list[tuple[Any, ...]]]:
        """As ``query``, but the rows are asked for later: the statements after it need not wait for them."""

    @abstractmethod
    def run(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Executes a portable statement. Its errors may come later, at the latest at the commit."""

    @abstractmethod
    def touch(self, sql: str, params: Sequence[Any] = ()) -> Callable[[], int]:
        """Executes a portable statement; asked for later, what is answered tells how many rows it touched."""

    @abstractmethod
    def any_of(self, column: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
        """A condition that ``column`` is one of ``values``, and its parameters."""

    @abstractmethod
    def id(self, value: Any) -> str: ...

    @abstractmethod
    def moment(self, value: Any) -> datetime | None: ...

    @abstractmethod
    def insert(self, rows: Sequence[Row], *, ignore_conflicts: bool = False) -> None:
        """Rows of one table in one statement."""

    @abstractmethod
    def fence(self, owner: str, claims: Sequence[FenceClaim]) -> Mapping[str, int | None]:
        """First free seq minus one of each run still held; None for a lost one; locked runs are absent (try later)."""

    @abstractmethod
    def use_keys(self, keys: Sequence[KeyRow]) -> list[bool]:
        """For each key whether it was free and is taken now."""

    @abstractmethod
    def end_attempts(self, ends: Sequence[AttemptEnd]) -> None: ...

    @abstractmethod
    def delete_waits(self, waits: Sequence[tuple[str, str]]) -> None:
        """Of runs and keys."""

    @abstractmethod
    def move_runs(self, moves: Sequence[RunMove]) -> None: ...

    @abstractmethod
    def store_results(self, results: Sequence[RunResult]) -> None: ...

    @abstractmethod
    def claim(
        self, condition: str, params: Sequence[Any], owner: str, now: datetime, limit: int
    ) -> list[tuple[Any, ...]]:
        """Takes up to ``limit`` unowned runs that meet the condition, first by prio; FACT_COLUMNS, then RESERVED."""

    @abstractmethod
    def lock_ending(self, runs: Sequence[str]) -> None:
        """Waits for whoever is leaving a signal in a run that ends now."""

    @abstractmethod
    def renew(self, worker: str, seconds: float, now: datetime) -> bool:
        """Prolongs the worker's life; False when its row is gone."""

    @abstractmethod
    def reap(self, now: datetime, me: str) -> list[str]:
        """Deletes the workers whose life is over, but me: who asks is alive, if late to renew. Their ids."""
