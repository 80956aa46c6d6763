"""A process's session in the database: joined, kept alive, joined anew when it was given up for dead, left."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from django.db import connections

from orchestrator.conf import Settings
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine.clock import system_clock
from orchestrator.engine.journal.items import Call, Item
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.journal.writer import JournalWriter
from orchestrator.engine.session import Registering, leave

logger = logging.getLogger(__name__)
PARTING_SECONDS = 1.0  # for each last word when the process ends; longer means that the database is away


class Membership:
    """``sole``: no other session can live. ``on_lost`` is called on the writer's thread."""

    def __init__(
        self,
        config: Settings,
        journal: JournalWriter,
        queues: Sequence[str],
        *,
        sole: bool = False,
        on_lost: Callable[[], object] = lambda: None,
    ) -> None:
        self._seconds = config.lease_seconds
        self._journal = journal
        self._queues = queues
        self._sole = sole
        self._version = config.version
        self._concurrency = config.concurrency if queues else 0
        self._on_lost = on_lost
        self._joined = False
        self._counts = connections[config.database].vendor == "postgresql"

    def join(self) -> "Future[Any]":
        self._joined = True
        return self._join(self._journal.submit)

    def _join(self, submit: Callable[[Item], "Future[Any]"]) -> "Future[Any]":
        registering = Registering(
            self._journal.owner, self._queues, self._seconds, self._sole, self._version, self._concurrency
        )
        joined = submit(Call(registering))
        if self._counts:
            joined.add_done_callback(lambda _: self._journal.count_batches(counting=True))
        return joined

    def renew(self) -> None:
        def renew(tx: Tx) -> bool:
            return tx.db.renew(tx.owner, self._seconds, tx.now)

        if not self._joined:
            return
        if not self._journal.submit(Call(renew)).result() and not self._counts:
            self._rejoin(self._journal.submit)

    def rejoin(self) -> None:
        """From the writer, before anything else is written in this session's name."""
        self._rejoin(self._journal.submit_first)

    def _rejoin(self, submit: Callable[[Item], "Future[Any]"]) -> None:
        """This session was given up for dead. What it held is others'; it begins anew."""
        logger.warning("engine.session_lost", extra={"worker": self._journal.owner})
        self._on_lost()
        self._journal.owner = system_clock.new_id()
        self._join(submit)

    def leave(self) -> None:
        if self._journal.is_closed:
            return
        try:
            self._journal.submit(Call(self._leave)).result(PARTING_SECONDS)
        except (TimeoutError, OrchestratorError) as error:  # the end of its lease tells the others
            logger.warning("engine.left_unsaid", extra={"worker": self._journal.owner, "reason": repr(error)})

    def _leave(self, tx: Tx) -> None:
        leave(tx, tx.owner)
        self._journal.count_batches(counting=False)  # what is said now is late, and no reason to join again
