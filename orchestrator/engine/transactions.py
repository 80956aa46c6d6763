"""``step.transaction``: the author's ORM writes and the step's checkpoint in one commit, exactly once."""

import time
from collections.abc import Callable
from typing import Any

from django.db import Error as DjangoDatabaseError
from django.db import OperationalError, connections, transaction

from orchestrator.core.codec import encode
from orchestrator.core.errors import LeaseLost, MisplacedCall
from orchestrator.core.ops import OpKind, Status, StepCompleted
from orchestrator.engine.bell import Change, ring
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.port import Asked
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.recording import Recorder
from orchestrator.engine.rows import JournalRow
from orchestrator.engine.sql import Connection, Id, borrow_connection
from orchestrator.sdk.scope import CURRENT
from orchestrator.sdk.transport import StepRun, Suspend

SQLITE_SECONDS = 5.0  # every other write of the process waits meanwhile
SLOW_SECONDS = 0.1  # after that long the author is told
OPS_BETWEEN_LOOKS = 10_000  # virtual machine instructions of SQLite
FENCE = "UPDATE signalbox_run SET seq = seq + 1 WHERE id = ? AND fence = ? AND owner = ? RETURNING seq"


def transact(database: str, journal: Asked, recorder: Recorder, step: StepRun, function: Callable[[], Any]) -> str:
    """Runs the body on Django's connection of this thread; its output as JSON text.

    Raises Suspend when the run was given to another worker: then the body's writes are rolled back.
    Raises MisplacedCall inside a transaction of the author's own.
    """
    if connections[database].in_atomic_block and not journal_is_nested(journal):
        raise MisplacedCall(f"step.transaction {step.key!r} was called inside transaction.atomic(): it makes its own")
    try:
        return _transact(database, journal, recorder, step, function)
    except LeaseLost:
        raise Suspend from None
    except OperationalError:
        known = journal.submit(Call(lambda tx: _known_output(tx, recorder.facts.id, step))).result()
        if known is None:
            raise
        return str(known)


def journal_is_nested(journal: Asked) -> bool:
    """A test's own transaction is around everything."""
    return bool(getattr(journal, "nested", False))


def _transact(database: str, journal: Asked, recorder: Recorder, step: StepRun, function: Callable[[], Any]) -> str:
    with transaction.atomic(using=database):
        with _Limit(database, step):
            text = encode(function())
        seq = _checkpoint(borrow_connection(database), journal.owner, recorder, step, text)
    ring([Change(recorder.facts.id, seq)])
    return text


def _checkpoint(db: Connection, owner: str, recorder: Recorder, step: StepRun, text: str) -> int:
    """The run's row is locked last and for under a millisecond."""
    now = recorder.starting.clock.now()
    facts = recorder.facts
    rows = db.query(FENCE, [Id(facts.id), facts.fence, Id(owner)])
    if not rows:
        raise LeaseLost(f"run {facts.id} was given to another worker: the transaction is rolled back")
    seq = int(rows[0][0])
    op = StepCompleted(
        step.key, OpKind.TRANSACTION, step.ordinal, step.attempt, step.started_at, now, text, recorded=step.recorded
    )
    checkpoint = recorder.record(op, now)
    for row in checkpoint.rows:
        db.insert([row])
    if checkpoint.ends:
        db.end_attempts(checkpoint.ends)
    db.insert([JournalRow(facts.id, seq, "step.completed", step.key, step.attempt, now, "", None)])
    return seq


def _known_output(tx: Tx, run: str, step: StepRun) -> str | None:
    """After a commit of unknown outcome: the output if it stands."""
    rows = tx.db.query(
        "SELECT CAST(a.output AS text), b.body FROM signalbox_attempt a LEFT JOIN signalbox_blob b ON b.id = a.blob"
        " WHERE a.run = ? AND a.key = ? AND a.number = ? AND a.status = ?",
        [Id(run), step.key, step.attempt, Status.COMPLETED.value],
    )
    return next((output if output is not None else body for output, body in rows), None)


class _Limit:
    """On SQLite a body that holds the write lock for long is warned of, and stopped with a clear error in the end."""

    def __init__(self, database: str, step: StepRun) -> None:
        self._wrapper = connections[database]
        self._step = step
        self._began = 0.0
        self._expired = False

    def __enter__(self) -> None:
        if self._wrapper.vendor != "sqlite":
            return
        self._began = time.monotonic()
        end = self._began + SQLITE_SECONDS

        def look() -> int:
            self._expired = time.monotonic() > end
            return int(self._expired)

        self._wrapper.connection.set_progress_handler(look, OPS_BETWEEN_LOOKS)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if self._wrapper.vendor != "sqlite":
            return
        self._wrapper.connection.set_progress_handler(None, 0)
        if (seconds := time.monotonic() - self._began) > SLOW_SECONDS:
            _warn(self._step, seconds)
        if self._expired and isinstance(error, DjangoDatabaseError):
            message = (
                f"step.transaction {self._step.key!r} held SQLite's only write lock for over {SQLITE_SECONDS:.0f} s"
            )
            raise TimeoutError(message) from error


def _warn(step: StepRun, seconds: float) -> None:
    scope = CURRENT.get()
    if scope is None:
        return
    message = (
        f"step.transaction {step.key!r} held SQLite's only write lock for {seconds * 1000:.0f} ms: every other write"
        " waited. Compute and call others in a step before it, and only write in the transaction"
    )
    scope.invocation.warn("write lock", message, step=step.key, attempt=step.attempt)
