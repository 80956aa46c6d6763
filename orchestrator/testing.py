"""Tests of functions: the real engine in memory, on a clock that the test moves.

>>> harness = Harness(stubs={"send-welcome": None})
>>> [run] = harness.send(UserSignedUp(user_id="u1", email="a@b.c"))
>>> harness.advance("3 days")
>>> assert run.output == "reminded"
"""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ParamSpec

import orjson

from orchestrator.conf import settings
from orchestrator.core.codec import decode, encode
from orchestrator.core.durations import parse_duration
from orchestrator.core.ops import MessageKind, Status
from orchestrator.engine.clock import VirtualClock
from orchestrator.engine.commands import Actor, leave_message
from orchestrator.engine.ingest import build_starts
from orchestrator.engine.journal.items import Call, Ingest, Start
from orchestrator.engine.memory import memory_connection
from orchestrator.engine.sql import Connection, Id, borrow_connection
from orchestrator.engine.virtual import VirtualEngine
from orchestrator.sdk.asking import Duration, payload_for
from orchestrator.sdk.callable import Callee
from orchestrator.sdk.sending import incoming

__all__ = ["Harness", "HarnessRun", "HarnessStep"]
P = ParamSpec("P")
STEP_COLUMNS = "key, op, status, number, CAST(output AS text), CAST(error AS text), blob"


@dataclass(frozen=True, slots=True)
class HarnessStep:
    """A step of a run as it stands: its last attempt, and how many there were."""

    key: str
    op: str
    status: Status
    attempts: int
    output: Any
    error: str | None


class HarnessRun:
    """A run; every property is read anew."""

    def __init__(self, db: Connection, id: str) -> None:
        self._db = db
        self.id = id

    @property
    def function(self) -> str:
        return str(self._one("SELECT function FROM signalbox_run WHERE id = ?"))

    @property
    def status(self) -> Status:
        return Status(self._one("SELECT status FROM signalbox_run WHERE id = ?"))

    @property
    def output(self) -> Any:
        """What the function returned, None until then."""
        text = self._one(
            "SELECT coalesce(CAST(d.output AS text), b.body) FROM signalbox_run_data d"
            " LEFT JOIN signalbox_blob b ON b.id = d.output_blob WHERE d.run = ?"
        )
        return None if text is None else orjson.loads(text)

    @property
    def error(self) -> str | None:
        """``"ValueError: no such user"``, None if it did not fail."""
        return _error(self._one("SELECT CAST(error AS text) FROM signalbox_run_data WHERE run = ?"))

    @property
    def steps(self) -> dict[str, HarnessStep]:
        """Steps by key, in the order in which they began."""
        rows = self._db.query(
            f"SELECT {STEP_COLUMNS} FROM signalbox_attempt WHERE run = ? AND key <> '' ORDER BY ordinal, number",
            [Id(self.id)],
        )
        return {
            key: HarnessStep(key, op, Status(status), number, self._value(output, blob), _error(error))
            for key, op, status, number, output, error, blob in rows
        }

    @property
    def logs(self) -> list[str]:
        """What was logged or printed, in order."""
        rows = self._db.query("SELECT message FROM signalbox_log WHERE run = ? ORDER BY id", [Id(self.id)])
        return [row[0] for row in rows]

    @property
    def history(self) -> list[str]:
        """Kinds of its journal's entries, in order."""
        rows = self._db.query("SELECT kind FROM signalbox_journal WHERE run = ? ORDER BY seq", [Id(self.id)])
        return [row[0] for row in rows]

    @property
    def children(self) -> "list[HarnessRun]":
        rows = self._db.query("SELECT id FROM signalbox_run WHERE parent = ? ORDER BY id", [Id(self.id)])
        return [HarnessRun(self._db, self._db.id(row[0])) for row in rows]

    def __repr__(self) -> str:
        return f"<run {self.function} {self.status}>"

    def _one(self, sql: str) -> Any:
        [(value,)] = self._db.query(sql, [Id(self.id)])
        return value

    def _value(self, output: str | None, blob: Any) -> Any:
        if blob is not None:
            [(output,)] = self._db.query("SELECT body FROM signalbox_blob WHERE id = ?", [Id(self._db.id(blob))])
        return None if output is None else orjson.loads(output)


class Harness:
    """Runs functions of this process, all that are imported, with nothing else around.

    ``stubs`` replace step bodies by step id: a value is returned, an exception raised, a function called with the
    step's arguments. ``database``: an alias, to work on that database inside a Django ``TestCase``, so that steps see
    the test's rows and ``send()`` of the code under test starts runs. Use it from sync tests.
    """

    def __init__(
        self,
        *,
        stubs: Mapping[str, Any] | None = None,
        start: datetime | None = None,
        database: str | None = None,
    ) -> None:
        self.clock = VirtualClock(start)
        nested = database is not None
        self._db = borrow_connection(database) if database is not None else memory_connection()
        self._engine = VirtualEngine(settings(), self._db, self.clock, stubs or {}, nested=nested)
        self._closing = weakref.finalize(self, self._engine.close)

    def send(self, what: object, data: Mapping[str, Any] | None = None, *, id: str | None = None) -> list[HarnessRun]:
        """Sends an event (a payload instance, or a name and its data); the runs it started, run as far as they go."""
        starts = build_starts(self._engine.runtime.starting, [incoming(what, data, id=id)])
        [start] = self._engine.commit(Ingest(starts))
        return [HarnessRun(self._db, run) for run in start.run_ids]

    def trigger(self, target: Callee[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> HarnessRun:
        """Starts a task, or an event function with its event's data, and runs it as far as it goes."""
        runtime = self._engine.runtime
        payload = encode(payload_for(target.definition, args, kwargs))
        new = runtime.starting.run(1, target.id, trigger="call", now=self.clock.now(), input=payload)
        [start] = self._engine.commit(Ingest([Start(None, None, [new], ref=new.run.id)]))
        return HarnessRun(self._db, start.ref)

    def signal(self, run: HarnessRun, name: str, data: Any = None) -> None:
        """Raises RunEnded when the run has ended."""
        message = {"name": name, "data": decode(encode(data))}
        dedup = f"signal:{self.clock.new_id()}"
        self._engine.commit(Call(lambda tx: leave_message(tx, run.id, MessageKind.SIGNAL, dedup, message)))

    def cancel(self, run: HarnessRun, reason: str = "") -> None:
        """Raises RunEnded when the run has ended."""
        data = Actor("test", reason).to_json()
        self._engine.commit(Call(lambda tx: leave_message(tx, run.id, MessageKind.CANCEL, "cancel", data)))

    def advance(self, duration: Duration) -> None:
        """Lets that much time pass: sleeps end, retries happen, crons tick, in their order."""
        self._engine.advance(parse_duration(duration))

    def run_until_idle(self) -> None:
        """Runs what code under test has sent or triggered, without moving the clock."""
        self._engine.pump()

    @property
    def runs(self) -> list[HarnessRun]:
        """All runs, oldest first."""
        return [
            HarnessRun(self._db, self._db.id(row[0]))
            for row in self._db.query("SELECT id FROM signalbox_run ORDER BY id")
        ]

    def close(self) -> None:
        """Unwinds what still rests; the database in memory is gone."""
        self._closing()

    def __enter__(self) -> "Harness":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _error(text: str | None) -> str | None:
    if text is None:
        return None
    error = orjson.loads(text)
    return f"{error['type']}: {error['message']}"
