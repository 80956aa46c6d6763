"""The journal writer: one thread a process, one transaction for all that is waiting (group commit)."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any

from orchestrator.core.errors import EngineUnavailable, SessionLost
from orchestrator.engine.clock import Clock
from orchestrator.engine.journal import failpoints
from orchestrator.engine.journal.batch import RETRY, BatchResult, apply_batch, look_at_released
from orchestrator.engine.journal.checkpoints import tell_refused
from orchestrator.engine.journal.items import Call, Checkpoint, Ingest, Item
from orchestrator.engine.journal.left import Left
from orchestrator.engine.journal.tickets import Ticket, answer_all
from orchestrator.engine.journal.tx import ALL, Effects
from orchestrator.engine.sql import Connection, Id

logger = logging.getLogger(__name__)
BATCH_LIMIT = 2000  # items in one transaction
RECONNECT_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
PATIENCE_SECONDS = 5.0  # an unreachable database: then waiting ingests are answered with 503


class JournalWriter:
    """Appends items durably. ``append`` from a loop, ``submit`` from a thread; both answer only after the commit."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        owner: str,
        clock: Clock,
        *,
        on_effects: Callable[[Effects], None],
        on_session_lost: Callable[[], None] = lambda: None,
        before_submit: Callable[[], None] = lambda: None,
    ) -> None:
        self.owner = owner
        self.clock = clock
        self.number_of_batches = 0
        self.leftovers = ALL
        self._left = Left()
        self._connect = connect
        self._on_effects = on_effects
        self._on_session_lost = on_session_lost
        self._before_submit = before_submit
        self._queue: SimpleQueue[Ticket | None] = SimpleQueue()
        self._counts_batches = False
        self._first: list[Ticket] = []  # goes before all that waits
        self._unsure: BatchResult | None = None  # what the commit under way would answer
        self._thread = threading.Thread(target=self._work, name="signalbox-journal", daemon=True)
        self._thread.start()

    def append(self, item: Item) -> "asyncio.Future[Any]":
        """From a coroutine: the future belongs to the running loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._queue.put(Ticket(item, future, loop))
        return future

    def submit(self, item: Item) -> "Future[Any]":
        """From a thread, which may wait for the answer. Raises what ``before_submit`` does."""
        self._before_submit()
        future: Future[Any] = Future()
        self._queue.put(Ticket(item, future, None))
        return future

    def submit_first(self, item: Item) -> "Future[Any]":
        """From ``on_session_lost``: before all that waits."""
        future: Future[Any] = Future()
        self._first.append(Ticket(item, future, None))
        return future

    def count_batches(self, *, counting: bool) -> None:
        """Whether, from the next batch on, the session's worker row tells the outcome of a commit without an answer.

        On the writer's thread: while the session registers and while it leaves.
        """
        self.number_of_batches = 0
        self._counts_batches = counting

    @property
    def is_closed(self) -> bool:
        return not self._thread.is_alive()

    def close(self, timeout_seconds: float | None = None) -> None:
        """Commits what is waiting and ends the thread; with a time limit it leaves a database that is away alone."""
        self._queue.put(None)
        self._thread.join(timeout_seconds)

    def _work(self) -> None:
        db = self._first_connection()
        held: list[Ticket] = []
        open_ = True
        while open_ or held:
            tickets, open_ = self._collect(held, open_)
            try:
                held = self._commit(db, tickets)
            except Exception as error:  # a fault of ours in what follows a commit must not silence the journal
                logger.exception("journal.fault")
                answer_all(tickets, [error] * len(tickets))
                held = []
            if held:
                time.sleep(0.001)  # their runs are locked by a step.transaction at its commit: under 1 ms
        db.close()

    def _first_connection(self) -> Connection:
        while True:
            try:
                return self._connect()
            except Exception:  # whatever the driver raises while its server is down
                logger.exception("journal.connect_failed")
                time.sleep(RECONNECT_SECONDS[-1])

    def _collect(self, held: list[Ticket], open_: bool) -> tuple[list[Ticket], bool]:
        tickets = list(held)
        if not tickets:
            first = self._queue.get()
            if first is None:
                return tickets, False
            tickets.append(first)
        while open_ and len(tickets) < BATCH_LIMIT:
            try:
                ticket = self._queue.get_nowait()
            except Empty:
                break
            if ticket is None:
                return tickets, False
            tickets.append(ticket)
        return tickets, open_

    def _commit(self, db: Connection, tickets: list[Ticket]) -> list[Ticket]:
        """Commits the tickets, in one transaction if it can be; those to try again are returned."""
        if not tickets:
            return []
        try:
            result = self._transact(db, [ticket.item for ticket in tickets])
        except SessionLost as error:
            return self._lose_session(tickets, error)
        except Exception as error:  # whatever the driver raises, or code of ours that failed on an item's rows
            if db.is_lost():
                logger.warning("journal.connection_lost", extra={"reason": str(error)})
                return self._after_lost_connection(db, tickets)
            if len(tickets) > 1:
                return [held for ticket in tickets for held in self._commit(db, [ticket])]
            return self._refuse(db, tickets, error)
        return self._finish(db, tickets, result)

    def _refuse(self, db: Connection, tickets: list[Ticket], error: Exception) -> list[Ticket]:
        """One item's rows broke a rule of the database; one that found a lock taken waits for the next batch."""
        if isinstance(error, db.busy_errors):
            logger.warning("journal.item_held", extra={"reason": str(error)})
            return tickets
        logger.error("journal.item_refused", exc_info=error)
        answer_all(tickets, [_told(error)])
        return []

    def _transact(self, db: Connection, items: Sequence[Item]) -> BatchResult:
        db.begin()
        try:
            counted = self._count(db) if self._counts_batches else None
            result = apply_batch(db, self.owner, self.clock.now(), items, self.leftovers, left=self._left)
            if counted is not None and counted() == 0:
                raise SessionLost("this process was taken for dead; it goes on as a new session")
            failpoints.hit("before_commit", partial(_cut, db))
        except BaseException:
            db.rollback()
            raise
        self._unsure = result
        db.commit()
        failpoints.hit("after_commit", partial(_cut, db))
        self._unsure = None
        self.number_of_batches += 1
        return result

    def _count(self, db: Connection) -> Callable[[], int]:
        n = self.number_of_batches + 1
        sql = "UPDATE signalbox_worker SET batch = ? WHERE id = ? AND batch = ?"
        return db.touch(sql, [n, Id(self.owner), n - 1])

    def _finish(self, db: Connection, tickets: list[Ticket], result: BatchResult) -> list[Ticket]:
        answers = result.answers
        done, held = tickets[: len(answers)], tickets[len(answers) :]  # what came since the batch was sent is behind
        if RETRY in answers:
            pairs = list(zip(done, answers, strict=True))
            held = [ticket for ticket, answer in pairs if answer is RETRY] + held
            done, answers = [t for t, a in pairs if a is not RETRY], [a for a in answers if a is not RETRY]
        self._left.learn(result.effects)
        answer_all(done, answers)
        self._look_again(db, result.effects)
        self._on_effects(result.effects)
        return held

    def _look_again(self, db: Connection, effects: Effects) -> None:
        """The commit stands, whatever becomes of this look: a claim then finds what it would have found."""
        try:
            look_at_released(db, effects)
            failpoints.hit("after_release", partial(_cut, db))
        except db.errors as error:
            logger.warning("journal.look_failed", extra={"reason": str(error)})
            effects.ready += 1

    def _after_lost_connection(self, db: Connection, tickets: list[Ticket]) -> list[Ticket]:
        """Asks the database whether the batch whose answer was lost is there; sends it again if not."""
        result, self._unsure = self._unsure, None
        try:
            committed = self._ask_again(db, tickets) and result is not None
        except SessionLost as error:
            return self._lose_session(tickets, error, unsure=True)
        if committed and result is not None:
            self.number_of_batches += 1
            return self._finish(db, tickets, result)
        return self._commit(db, [ticket for ticket in tickets if not ticket.answered])

    def _ask_again(self, db: Connection, tickets: list[Ticket]) -> bool:
        """Reconnects, for as long as it takes; whether the last batch was committed."""
        since = time.monotonic()
        for attempt in count():
            try:
                db.reconnect()
                return self._last_batch_stands(db)
            except SessionLost:
                raise
            except Exception:  # whatever the driver raises while its server is down
                if time.monotonic() - since > PATIENCE_SECONDS:
                    self._refuse_ingests(tickets)
                time.sleep(RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)])
        raise AssertionError("unreachable")

    def _last_batch_stands(self, db: Connection) -> bool:
        if not self._counts_batches:
            return False
        db.begin()
        try:
            # Waits for a twin of ours that still hangs in its commit.
            rows = db.query("SELECT batch FROM signalbox_worker WHERE id = ? FOR UPDATE", [Id(self.owner)])
        finally:
            db.rollback()
        if not rows:
            raise SessionLost("this process was taken for dead; it goes on as a new session")
        return bool(rows[0][0] == self.number_of_batches + 1)

    def _refuse_ingests(self, tickets: list[Ticket]) -> None:
        """New work is refused with 503 while the database is away; what runs already waits."""
        while True:
            try:
                ticket = self._queue.get_nowait()
            except Empty:
                break
            if ticket is None:
                self._queue.put(None)
                break
            tickets.append(ticket)
        refused = [t for t in tickets if isinstance(t.item, Ingest)]
        error = EngineUnavailable("the database cannot be reached; nothing is known to be stored: send again later")
        answer_all(refused, [error] * len(refused))

    def _lose_session(self, tickets: list[Ticket], error: SessionLost, *, unsure: bool = False) -> list[Ticket]:
        """What comes now is late: the new owners are told, by the new session, which also stores what is new.

        ``unsure``: whether the batch stands nobody can tell any more.
        """
        self._counts_batches = False
        late = [ticket.item for ticket in tickets if isinstance(ticket.item, Checkpoint)]
        again = [ticket for ticket in tickets if not unsure and _is_nobodys(ticket.item)]
        others = [ticket for ticket in tickets if ticket not in again]
        answer_all(others, [error] * len(others))
        self._on_session_lost()
        self.submit_first(Call(partial(tell_refused, items=late)))
        first, self._first = self._first, []
        return first + again


def _is_nobodys(item: Item) -> bool:
    """Events and runs that no session was to begin."""
    return isinstance(item, Ingest) and all(new.run.owner is None for start in item.starts for new in start.runs)


def _cut(db: Connection) -> None:
    db.close()
    if db.lost_errors:
        raise db.lost_errors[0]("cut by a failpoint")


def _told(error: Exception) -> Exception:
    """An error of ours as it is; a full or read-only database as 503; any other as it came."""
    text = str(error).lower()
    if any(
        sign in text for sign in ("disk is full", "readonly", "read-only", "no space left", "disk i/o", "is locked")
    ):
        return EngineUnavailable(f"the database cannot take writes: {error}")
    return error
