"""A held run with a ``max_duration``: its time runs while it executes, not while it waits."""

from abc import abstractmethod
from collections.abc import Callable
from datetime import timedelta

import orjson

from orchestrator.core.active import STAMP, Budget, Fact, active_time
from orchestrator.core.durations import format_duration
from orchestrator.core.ops import ErrorInfo, RunErrored, Status
from orchestrator.engine.held import HeldRun
from orchestrator.engine.hosting import Host
from orchestrator.engine.journal.items import Call, Checkpoint
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.recording import Recorder
from orchestrator.engine.sql import Id


class TimedRun(HeldRun):
    """Nothing of this costs a run without a limit more than a look at an attribute."""

    def __init__(self, host: Host, recorder: Recorder) -> None:
        super().__init__(host, recorder)
        self.is_quiet = False  # every branch is parked, the run is held all the same
        self._budget: Budget | None = None
        self._begun = False

    @abstractmethod
    def close(self, ending: Callable[[], Checkpoint]) -> None: ...

    def keep_to(self, limit: timedelta | None, *, begun: bool) -> None:
        """Ends the run when it has executed for so long, in all its executions.

        ``begun``: this one executes already; else ``executing`` says so.
        """
        if limit is not None:
            self._budget = Budget(limit, self.now())
            self._begun = begun
            if not begun:
                self._budget.pause(self.now())
            self.host.background(self._count_former())

    def executing(self) -> None:
        """Its process is there and begins."""
        self._begun = True
        self.unpause()

    async def _count_former(self) -> None:
        used = await self.host.journal.append(Call(lambda tx: time_used(tx, self.facts.id)))
        if self._budget is not None:
            self._budget.add(used)
            self._watch()

    def pause(self) -> None:
        if self._budget is not None:
            self._budget.pause(self.now())

    def unpause(self) -> None:
        if self._budget is not None and self._begun:
            self._budget.resume(self.now())
            self._watch()

    def _watch(self) -> None:
        """Looks again when the time may be over: a pause meanwhile has moved that moment."""
        now = self.now()
        end = self._budget.ends_at(now) if self._budget is not None else None
        if end is None or self.ended or self.resting:
            return
        if end <= now:
            self.close(self._timed_out)
        else:
            self.host.at(end, self._watch)

    def _timed_out(self) -> Checkpoint:
        assert self._budget is not None
        message = (
            f"it has executed for {format_duration(self._budget.limit)}, its max_duration (waits and sleeps are not"
            " counted): give it more, or let child runs do a part of the work"
        )
        error = ErrorInfo("MaxDurationExceeded", message, retriable=False)
        return self._record(RunErrored(error, self.facts.started_at, status=Status.TIMED_OUT))

    def _before_append(self, checkpoint: Checkpoint) -> None:
        if self._budget is not None and checkpoint.move is not None and not checkpoint.ends_run:
            self._budget.pause(self.now())
            _stamp(checkpoint, self._budget.used(self.now()))


def _stamp(checkpoint: Checkpoint, used: timedelta) -> None:
    """Writes the time that was used beside the fact that the run goes to rest."""
    for place, entry in reversed(list(enumerate(checkpoint.entries))):
        if entry.kind.startswith("run."):
            data = {**(orjson.loads(entry.data) if entry.data else {}), STAMP: round(used.total_seconds(), 6)}
            checkpoint.entries[place] = entry._replace(data=orjson.dumps(data).decode())
            return


def time_used(tx: Tx, run: str) -> timedelta:
    """How long the run has executed before: what its history says since the last stamp."""
    rows = tx.db.query(
        "SELECT j.kind, j.at, coalesce(b.at, j.at), CAST(j.data AS text) FROM signalbox_journal j"
        " LEFT JOIN signalbox_journal b ON b.run = j.run AND b.seq = j.seq - 1"
        " WHERE j.run = ? AND j.kind LIKE ? ORDER BY j.seq",
        [Id(run), "run.%"],
    )
    return active_time(_fact(tx, *row) for row in rows)


def _fact(tx: Tx, kind: str, at: object, before: object, data: str | None) -> Fact:
    stamp = orjson.loads(data).get(STAMP) if data else None
    moment, former = tx.db.moment(at) or tx.now, tx.db.moment(before) or tx.now
    return Fact(kind, moment, former, stamp)
