"""Sessions beside each other on the suite's database: each has a writer, a connection and a name of its own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

from django.db import connection

from orchestrator.core.ops import OpKind, Status, WaitKind
from orchestrator.engine.clock import system_clock
from orchestrator.engine.journal.items import Call, Checkpoint, Entry, Ingest, NewRun, Start
from orchestrator.engine.journal.tx import Effects, Tx
from orchestrator.engine.journal.writer import JournalWriter
from orchestrator.engine.rows import AttemptRow, EventRow, RunDataRow, RunMove, RunRow, WaitRow
from orchestrator.engine.session import Registering
from orchestrator.engine.sql import Connection, open_connection
from orchestrator.engine.starting import envelope, event_row
from orchestrator.models.fields import to_micros


def now() -> Any:
    return system_clock.now()


def new_id() -> str:
    return system_clock.new_id()


def _connect() -> Connection:
    """Without waiting for the disk: these tests race, they do not crash."""
    db = open_connection("default")
    db.run("SET synchronous_commit = off" if db.vendor == "postgresql" else "PRAGMA synchronous = OFF")
    return db


class Session:
    """A journal writer with a registered session; ``heard`` are the effects of its commits."""

    def __init__(self) -> None:
        self.heard: list[Effects] = []
        self.lost: list[str] = []
        self.journal = JournalWriter(
            _connect,
            new_id(),
            system_clock,
            on_effects=self.heard.append,
            on_session_lost=lambda: self.lost.append(self.id),
        )
        self.id = self.journal.owner
        self.do(Registering(self.id, ["default"], 3600, False))

    def do(self, function: Callable[[Tx], Any]) -> Any:
        return self.journal.submit(Call(function)).result(10)

    def submit(self, item: Any) -> Any:
        """Its answer, after its commit; errors are raised."""
        return self.journal.submit(item).result(10)


@contextmanager
def sessions(count: int) -> Iterator[list[Session]]:
    made = [Session() for _ in range(count)]
    try:
        yield made
    finally:
        for session in made:
            session.journal.close()


@contextmanager
def engine_connection() -> Iterator[Connection]:
    db = open_connection("default")
    try:
        yield db
    finally:
        db.close()


def new_run(owner: str | None = None, status: Status = Status.RUNNING, *, function: str = "f") -> NewRun:
    """A run held by ``owner`` under fence 1, or ready."""
    run = new_id()
    moment = now()
    row = RunRow(
        id=run,
        env=1,
        function=function,
        version="",
        trigger="call",
        root=run,
        parent=None,
        parent_key=None,
        replay_of=None,
        replay_from=None,
        status=status,
        queue="default",
        prio=to_micros(moment),
        owner=owner,
        fence=1 if owner else 0,
        seq=1,
        attempt=1,
        due_at=None,
        lost=0,
        queued_at=moment,
        started_at=moment if owner else None,
        ended_at=None,
    )
    return NewRun(row, RunDataRow(run, None, None, None, None, "[]"), [Entry("run.queued", moment)])


def insert(session: Session, runs: Sequence[NewRun]) -> list[str]:
    session.submit(Ingest([Start(None, None, runs, None, ref="")]))
    return [new.run.id for new in runs]


def step_done(run: str, fence: int, key: str, *, number: int = 1) -> Checkpoint:
    """A step's attempt and its entry."""
    moment = now()
    row = AttemptRow(
        run, key, number, OpKind.RUN, 1, Status.COMPLETED, None, moment, moment, "w", fence, "1", None, None, None
    )
    return Checkpoint(run, fence, entries=[Entry("step.completed", moment, key, number)], rows=[row])


def wait_for(run: str, name: str, eq: str = "", *, key: str = "w", kind: WaitKind = WaitKind.EVENT) -> list[Any]:
    """The rows of an open wait."""
    op = OpKind.WAIT_FOR_EVENT if kind is WaitKind.EVENT else OpKind.WAIT_FOR_SIGNAL
    moment = now()
    attempt = AttemptRow(run, key, 1, op, 1, Status.WAITING, None, moment, None, "w", 1, None, None, None, None)
    return [attempt, WaitRow(run, key, kind, 1, name, eq, None, 1, None, moment)]


def rest(run: str, fence: int, rows: Sequence[Any] = ()) -> Checkpoint:
    """A release."""
    move = RunMove(run, Status.WAITING, None, None, 1, None)
    return Checkpoint(run, fence, entries=[Entry("run.waiting", now())], rows=list(rows), move=move)


def end(run: str, fence: int) -> Checkpoint:
    moment = now()
    move = RunMove(run, Status.COMPLETED, None, None, 1, moment)
    return Checkpoint(run, fence, entries=[Entry("run.completed", moment)], move=move)


def event_start(name: str, data: dict[str, Any]) -> Start:
    row: EventRow = event_row(new_id(), 1, name, data, now())
    return Start(row, envelope(row, data), [], None, ref=row.id)


def later(seconds: float) -> Any:
    return now() + timedelta(seconds=seconds)


def all_at_once(*work: Callable[[], None]) -> None:
    """Runs each in a thread, all begin together; the first error is raised."""
    barrier = Barrier(len(work))
    errors: list[BaseException] = []

    def run(function: Callable[[], None]) -> None:
        try:
            barrier.wait(30)
            function()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[function]) for function in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]
