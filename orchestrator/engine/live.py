"""A run this process holds: what its executor says becomes checkpoints, what the engine learns reaches its executor."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from orchestrator.core.errors import LeaseLost, SessionLost, Unserialisable
from orchestrator.core.machine import resting_place
from orchestrator.core.ops import ErrorInfo, Op, RunCompleted, RunErrored, Status, WaitKind, WaitOpened
from orchestrator.engine.appending import append_when_possible, submit_when_possible
from orchestrator.engine.bodies import Bodies
from orchestrator.engine.endings import end_checkpoint
from orchestrator.engine.facts import Claimed, RunFacts
from orchestrator.engine.hosting import Host
from orchestrator.engine.journal.items import Checkpoint, NewRun
from orchestrator.engine.mailbox import Mailbox
from orchestrator.engine.recording import Recorder
from orchestrator.executors.base import Execution
from orchestrator.sdk.transport import StepRun, Suspend

LINGER = timedelta(seconds=1)  # a run whose children end in this process stays owned that long after it went quiet
PARKED_RETRY = timedelta(seconds=1)  # a shorter backoff is waited for in memory
CANCEL_GRACE = timedelta(seconds=5)  # for the cleanup of a cancelled run


class LiveRun:
    """The sink of one execution. Lives on the engine's loop; the blocking faces are called from body threads."""

    def __init__(self, host: Host, recorder: Recorder, claimed: Claimed) -> None:
        self.host = host
        self.recorder = recorder
        self.execution: Execution | None = None
        self.is_quiet = False  # every branch is parked, the run is held all the same
        self.resting = False  # released in the database, the coroutine stays in memory
        self.ended = False
        self._pending: list[WaitOpened] = []
        self._mail = Mailbox(claimed.mail)
        self._bodies = Bodies()
        self._lingers_until: datetime | None = None
        self._timer_at: datetime | None = None
        self._cancelled: dict[str, Any] | None = None
        recorder.waits.update(claimed.waits)

    @property
    def facts(self) -> RunFacts:
        return self.recorder.facts

    def now(self) -> datetime:
        return self.host.clock.now()

    def entropy(self) -> float:
        return self.host.clock.entropy()

    def new_id(self) -> str:
        return self.host.clock.new_id()

    def log(self, key: str, number: int, level: str, logger: str, message: str) -> None:
        self._bodies.logs.add(key, number, self.now(), level=level, logger=logger, message=message)

    # Checkpoints

    def _record(self, op: Op) -> Checkpoint:
        checkpoint = self.recorder.record(op, self.now())
        checkpoint.rows.extend(self._bodies.logs.take(self.facts.id))
        return checkpoint

    def _checkpoint(self) -> Checkpoint:
        """One that says nothing yet, with what was logged."""
        return Checkpoint(self.facts.id, self.facts.fence, rows=[*self._bodies.logs.take(self.facts.id)])

    async def commit(self, op: Op) -> None:
        await self._append(self._record(op))

    async def _append(self, checkpoint: Checkpoint) -> None:
        """Raises Suspend when the run is another's by now: the author's code is unwound."""
        try:
            await append_when_possible(self.host.journal, checkpoint)
        except (LeaseLost, SessionLost):
            self.host.refused(_new_runs(checkpoint))
            self.lose()
            raise Suspend from None
        self._committed()

    def commit_blocking(self, op: Op) -> None:
        checkpoint = self._record(op)
        try:
            submit_when_possible(self.host.journal, checkpoint)
        except (LeaseLost, SessionLost):
            self.host.refused(_new_runs(checkpoint))
            self.host.pool.on_loop(self.lose)
            raise Suspend from None
        if self.host.draining:
            raise Suspend

    def _committed(self) -> None:
        if self.host.draining and not self._bodies and not self.ended and not self.resting:
            self.give_back()
            raise Suspend
        if not self.resting and not self.ended:
            self._watch_timers()

    def _watch_timers(self) -> None:
        """While the run is held its own timers are waited for here."""
        dues = [wait.due_at for wait in self.recorder.waits.values() if wait.due_at is not None]
        due = min(dues, default=None)
        if due is not None and (self._timer_at is None or due < self._timer_at):
            self._timer_at = due
            self.host.at(due, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer_at = None
        if not self.resting and not self.ended:
            self.host.drain(self)

    def transact(self, step: StepRun, function: Callable[[], Any]) -> str:
        return self.host.transact(self.recorder, step, function)

    # Bodies

    def body_began(self, step: StepRun) -> None:
        self._bodies.began(step)
        self.host.bodies_run()

    def body_ended(self, step: StepRun) -> None:
        self._bodies.ended(step)

    def show_bodies(self) -> bool:
        """Writes the row of each body that has run for a while; whether any still runs."""
        self._bodies.show(self.now(), lambda op: self._tell(self._record(op)), lambda: self._tell(self._checkpoint()))
        return bool(self._bodies)

    def _tell(self, checkpoint: Checkpoint) -> None:
        self.host.journal.submit(checkpoint)

    async def call(self, function: Callable[[], Any]) -> Any:
        return await self.host.pool.call(function)

    def spawn(self, function: Callable[[], Any]) -> Callable[[], Any] | None:
        return self.host.pool.spawn(function)

    # Waits

    def open_wait(self, op: WaitOpened) -> None:
        if op.wait is WaitKind.SIGNAL:
            self._mail.take(op.name)  # one that came since the step asked: the database gives it to the wait
        self._pending.append(op)
        if len(self._pending) == 1 and self.execution is not None and self.execution.in_memory:
            # After the look that may find the run quiet and write them with its release.
            self.host.soon(lambda: self.host.soon(self.flush_waits))

    def take_signal(self, name: str) -> tuple[int, Any] | None:
        return self._mail.take(name)

    def _opened(self) -> Checkpoint:
        pending, self._pending = self._pending, []
        checkpoint = self._checkpoint()
        for op in pending:
            checkpoint.absorb(self._record(op))
        return checkpoint

    def quiet(self) -> None:
        """Every branch is parked: the run is released in the commit that writes its waits, or kept a little."""
        if self.resting or self.ended:
            return
        opened = self._opened()
        if opened.children:
            self._linger()
        if self._lingers_until is not None or self._goes_on_soon():
            self.is_quiet = True
            if opened.entries or opened.rows:
                self.host.background(self._append(opened))
            return
        self._release(opened)

    def flush_waits(self) -> None:
        """Some branches are parked while others run: their waits are written all the same."""
        if self._pending and not self.ended:
            self.host.background(self._append(self._opened()))

    def _goes_on_soon(self) -> bool:
        soon = self.now() + PARKED_RETRY
        waits = self.recorder.waits.values()
        return any(w.kind is WaitKind.RETRY and w.due_at is not None and w.due_at <= soon for w in waits)

    def _linger(self) -> None:
        begins = self._lingers_until is None
        self._lingers_until = self.now() + LINGER
        if begins:
            self.host.at(self._lingers_until, self._stop_lingering)

    def _stop_lingering(self) -> None:
        until = self._lingers_until
        if until is None or self.ended or self.resting:
            return
        if self.now() < until:
            self.host.at(until, self._stop_lingering)
            return
        self._lingers_until = None
        if self.execution is not None:
            self.execution.check()

    def _release(self, opened: Checkpoint) -> None:
        waits = self.recorder.waits.values()
        status, due_at = resting_place((wait.kind, wait.due_at) for wait in waits)
        opened.absorb(self.recorder.rest(status, due_at, self.now()))
        self.resting = True
        self.host.rested(self)
        self.host.background(self._append(opened))

    # What the engine learns

    def resume(self, claimed: Claimed) -> None:
        """The coroutine in memory goes on under a new fence."""
        self.recorder.facts = claimed.facts
        self.resting = False
        self.learn(claimed)

    def learn(self, claimed: Claimed) -> None:
        """Waits that are over by the database's word."""
        self.is_quiet = False
        assert self.execution is not None
        for s in claimed.drained.settled:
            self.recorder.waits.pop(s.key, None)
            self.execution.settle(s.key, s.status, s.output, ErrorInfo.from_json(s.error) if s.error else None)
        self._mail.add(claimed.mail, self._awaited_signals())
        if self._lingers_until is not None:
            self._lingers_until = self.now() + LINGER
        self._watch_timers()
        self.execution.check()

    def _awaited_signals(self) -> list[str]:
        opening = [op.name for op in self._pending if op.wait is WaitKind.SIGNAL]
        return opening + [wait.name for wait in self.recorder.waits.values() if wait.kind is WaitKind.SIGNAL]

    def give_back(self) -> None:
        """This process ends: whoever comes next goes on from the last checkpoint."""
        self.resting = True
        if self.execution is not None:
            self.execution.suspend()
        self.host.gone(self)
        checkpoint = self._opened()
        checkpoint.absorb(self.recorder.requeue(self.now()))
        self.host.background(self._append(checkpoint))

    def lose(self) -> None:
        """The lease is another's: the author's code is unwound, nothing more is said."""
        if self.ended:
            return
        self.ended = True
        if self.execution is not None:
            self.execution.suspend()
        self.host.gone(self)

    def cancel(self, data: dict[str, Any]) -> None:
        """Unwinds the author's code, lets its cleanup run for a grace, then ends the run."""
        if self.ended or self._cancelled is not None or self.execution is None:
            return
        self._cancelled = data
        self.execution.suspend()
        self.host.at(self.now() + CANCEL_GRACE, lambda: self.finished(None))

    async def _end_cancelled(self, data: dict[str, Any]) -> None:
        checkpoint = self._checkpoint()
        actor = str(data.get("actor", ""))
        end_checkpoint(checkpoint, self.facts, Status.CANCELLED, self.now(), actor=actor, data=data)
        await self._append(checkpoint)
        self.host.gone(self)

    def finished(self, op: Op | None) -> None:
        """The function ended, or a sync one reached a wait."""
        if self.ended or self.resting:
            return
        if self._cancelled is not None:
            self.ended = True
            self.host.background(self._end_cancelled(self._cancelled))
            return
        if op is None:
            self.give_back() if self.host.draining and not self._pending else self._release(self._opened())
        else:
            self.host.background(self._finish(op))

    async def _finish(self, op: Op) -> None:
        try:
            checkpoint = self._record(op)
        except Unserialisable as error:
            started_at = op.started_at if isinstance(op, RunCompleted) else self.now()
            info = ErrorInfo("Unserialisable", str(error), retriable=False)
            checkpoint = self._record(RunErrored(info, started_at))
        await self._append(checkpoint)
        self.ended = True
        self.host.gone(self)


def _new_runs(checkpoint: Checkpoint) -> list[NewRun]:
    return [*checkpoint.children, *(run for start in checkpoint.starts if not start.repeated for run in start.runs)]
