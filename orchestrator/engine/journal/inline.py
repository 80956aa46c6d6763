"""The journal without a thread: each item commits on the spot, on a given connection.

For the Harness (a database in memory) and for authors' TestCase (a savepoint in the test's own transaction).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from orchestrator.engine.clock import Clock
from orchestrator.engine.journal.batch import apply_batch, look_at_released
from orchestrator.engine.journal.items import Item
from orchestrator.engine.journal.left import Left
from orchestrator.engine.journal.tx import ALL, Effects
from orchestrator.engine.sql import Connection


class InlineJournal:
    """The same batches as the writer's, one item each."""

    def __init__(
        self,
        db: Connection,
        owner: str,
        clock: Clock,
        *,
        on_effects: Callable[[Effects], None],
        nested: bool = False,
    ) -> None:
        """``nested``: a transaction is open on ``db`` already; items become savepoints of it."""
        self.db = db
        self.owner = owner
        self.clock = clock
        self.leftovers = ALL
        self._left = Left()
        self._on_effects = on_effects
        self.nested = nested

    def append(self, item: Item) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            future.set_result(self._apply(item))
        except Exception as error:  # handed to whoever waits
            future.set_exception(error)
        return future

    def submit(self, item: Item) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(self._apply(item))
        except Exception as error:  # handed to whoever waits
            future.set_exception(error)
        return future

    def close(self, timeout_seconds: float | None = None) -> None:
        if not self.nested:
            self.db.close()

    def _apply(self, item: Item) -> Any:
        self._begin()
        try:
            result = apply_batch(self.db, self.owner, self.clock.now(), [item], self.leftovers, left=self._left)
        except BaseException:
            self._rollback()
            raise
        self._commit()
        self._left.learn(result.effects)
        look_at_released(self.db, result.effects)
        self._on_effects(result.effects)
        [answer] = result.answers
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _begin(self) -> None:
        if self.nested:
            self.db.run("SAVEPOINT signalbox")
        else:
            self.db.begin()

    def _commit(self) -> None:
        if self.nested:
            self.db.run("RELEASE SAVEPOINT signalbox")
        else:
            self.db.commit()

    def _rollback(self) -> None:
        if self.nested:
            self.db.run("ROLLBACK TO SAVEPOINT signalbox")
        else:
            self.db.rollback()
