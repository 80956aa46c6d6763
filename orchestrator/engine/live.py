"""A run this process holds: its waits, what the engine learns of them, and its end."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from orchestrator.core.errors import OrchestratorError
from orchestrator.core.ops import ErrorInfo, Op, RunErrored, Status, WaitKind, WaitOpened
from orchestrator.engine.alarm import Alarm
from orchestrator.engine.bodies import SHOWN_AFTER
from orchestrator.engine.endings import cancellation, finish_timeout
from orchestrator.engine.facts import Claimed
from orchestrator.engine.hosting import Host
from orchestrator.engine.isolated import IsolatedRun
from orchestrator.engine.journal.items import Call, Checkpoint
from orchestrator.engine.lingering import Linger
from orchestrator.engine.mailbox import Mailbox
from orchestrator.engine.recording import Recorder
from orchestrator.engine.timed import TimedRun
from orchestrator.executors.base import Execution
from orchestrator.sdk.failure import describe

PARKED_RETRY = timedelta(seconds=1)  # a shorter backoff is waited for in memory
KEPT_PROCESS = timedelta(seconds=5)  # a process of its own is kept for a shorter wait
CANCEL_GRACE = timedelta(seconds=5)  # for the cleanup of a cancelled run


class LiveRun(IsolatedRun, TimedRun):
    """The sink of one execution."""

    def __init__(self, host: Host, recorder: Recorder, claimed: Claimed) -> None:
        super().__init__(host, recorder)
        self.execution: Execution | None = None
        self.drains = 0  # looks into its inbox under way: what they find comes before a release
        self._pending: deque[WaitOpened] = deque()  # filled by body threads too
        self._mail = Mailbox(claimed.mail)
        self._linger = Linger(host)
        self._unwound = False  # a sync function has reached a wait
        self._has_news = False  # a wait ended while a function ran that has to be called again to see it
        self._alarm = Alarm(host)
        self._asleep_until: datetime | None = None  # claimed ahead: its code goes on then
        recorder.waits.update(claimed.waits)

    # Waits

    def _watch_timers(self) -> None:
        """While the run is held its own timers are waited for here."""
        if self.recorder.waits:
            self._alarm.set((wait.due_at for wait in self.recorder.waits.values()), self._timer_fired)

    def _timer_fired(self) -> None:
        if not self.resting and not self.ended:
            self.host.drain(self)

    def open_wait(self, op: WaitOpened) -> None:
        if op.wait is WaitKind.SIGNAL:
            self._mail.opened(op.key, op.name)
        self._pending.append(op)
        if len(self._pending) > 1 or self.execution is None:
            return
        if self.execution.in_memory:
            # After the look that may find the run quiet and write them with its release.
            self.host.soon(lambda: self.host.soon(self.flush_waits))
        else:
            self.host.pool.on_loop(lambda: self.host.at(self.now() + SHOWN_AFTER, self.flush_waits))

    def take_signal(self, name: str) -> tuple[int, Any] | None:
        return self._mail.take(name)

    def _opened(self) -> Checkpoint:
        checkpoint = self._checkpoint()
        while self._pending:
            checkpoint.absorb(self._record(self._pending.popleft()))
        return checkpoint

    def _open(self, then: Callable[[Checkpoint], None]) -> None:
        try:
            opened = self._opened()
        except OrchestratorError as error:  # a child that nobody knows
            self._break(error)
        else:
            then(opened)

    def quiet(self) -> None:
        """Every branch is parked: the run is released in the commit that writes its waits, or kept a little."""
        # A body may await a lock or a queue, which looks like a join of the run's own: it runs all the same.
        if self.resting or self.ended or self._asleep_until is not None:
            return
        if not self.drains and not self._bodies:
            self._open(self._rest)

    def _rest(self, opened: Checkpoint) -> None:
        if opened.children:
            self._linger.begin(self._check)
        if not self._linger and not self._wakes_soon():
            self._release(opened)
            return
        self.is_quiet = True
        self.pause()
        if opened.entries or opened.rows:
            self.host.background(self._write(opened))

    def _wakes_soon(self) -> bool:
        if self.execution is not None and not self.execution.parks:
            return self.recorder.wakes_by(self.now() + KEPT_PROCESS)
        return self.recorder.retries_by(self.now() + PARKED_RETRY)

    def flush_waits(self) -> None:
        """Some branches are parked while others run: their waits are written all the same."""
        if self._pending and not self.ended and not self.resting:
            self._open(lambda opened: self.host.background(self._write(opened)))

    def _release(self, opened: Checkpoint) -> None:
        opened.absorb(self.recorder.rest(self.now()))
        self.resting = True
        self.host.rested(self)
        self.host.background(self._write(opened))

    # What the engine learns

    def resume(self, claimed: Claimed) -> None:
        """The coroutine in memory goes on under a new fence."""
        self.recorder.facts = claimed.facts
        self.resting = False
        if claimed.wakes_at is None:
            self.learn(claimed)
        else:
            self._asleep_until, self.is_quiet = claimed.wakes_at, True
            self.host.at(claimed.wakes_at, partial(self._wake, claimed))

    def _wake(self, claimed: Claimed) -> None:
        self._asleep_until = None
        if not self.resting and not self.ended and self.ending is None:
            self.learn(claimed)

    def drained(self, claimed: Claimed | None) -> None:
        """A look into the inbox is over; None when the run was not to be read."""
        self.drains -= 1
        if self.ended or self.resting:
            return
        if claimed is not None:
            self.learn(claimed)
            if claimed.drained.cancel is not None:
                self.cancel(dict(claimed.drained.cancel.data))
        if self._unwound and not self.drains:
            self.finished(None)
        self._check()

    def learn(self, claimed: Claimed) -> None:
        """Waits that are over by the database's word."""
        self.is_quiet = False
        self.unpause()
        assert self.execution is not None
        for s in claimed.drained.settled:
            self.recorder.waits.pop(s.key, None)
            self._mail.settled(s.key)
            self.execution.settle(s.key, s.status, s.output, ErrorInfo.from_json(s.error) if s.error else None)
        self._mail.add(claimed.mail)
        self._has_news |= bool(claimed.drained.settled) and not self.execution.in_memory
        if self._linger:
            self._linger.begin(self._check)
        self._watch_timers()
        self._check()

    def _check(self) -> None:
        if self.execution is not None and not self.ended and not self.resting:
            self.execution.check()

    def give_back(self, reason: str = "its worker was stopped") -> None:
        """Whoever comes next, in this process or another, goes on from the last checkpoint."""
        if self.ended:
            return
        self.resting = True
        if self.execution is not None:
            self.execution.suspend()
        self.host.gone(self)
        checkpoint = self._opened()
        checkpoint.absorb(self.recorder.requeue(reason, self.now(), self._bodies.shown(), self._asleep_until))
        self.host.background(self._append(checkpoint))

    def lose(self) -> None:
        """The lease is another's: the author's code is unwound, nothing more is said."""
        if not self.ended:
            self.ended = True
            if self.execution is not None:
                self.execution.suspend()
        self.host.gone(self)

    def _break(self, error: Exception) -> None:
        """Fails the run, its author's code unwound."""
        self.resting, self.ended = False, True
        if self.execution is not None:
            self.execution.suspend()
        info = replace(describe(error), retriable=False)
        self.host.background(self._end(self._record(RunErrored(info, self.now()))))

    def cancel(self, data: dict[str, Any]) -> None:
        """The run ends as cancelled, or as timed out when its deadline asks."""
        if (error := finish_timeout(data)) is not None:
            op = RunErrored(error, self.facts.started_at, status=Status.TIMED_OUT)
            self.close(lambda: self._record(op))
            return
        self.close(lambda: cancellation(self._checkpoint(), self.facts, self.now(), data))

    def close(self, ending: Callable[[], Checkpoint]) -> None:
        """Unwinds the author's code, lets its cleanup run for a grace, then ends the run so."""
        if self.ended or self.ending is not None or self.execution is None:
            return
        self.ending = ending
        self.execution.suspend()
        self.host.at(self.now() + CANCEL_GRACE, lambda: self.finished(None))

    def finished(self, op: Op | None) -> None:
        """The function ended, or a sync one reached a wait."""
        if self.ended or self.resting:
            self._leave_logs()
            return
        if self.ending is not None:
            self.ended = True
            self.host.background(self._end(self.ending()))
        elif op is not None:
            self.ended = True
            self.host.background(self._end(self._record(op, self.recorder.record_end)))
        elif self.drains:
            self._unwound = True
        elif self._has_news:
            self.give_back("a wait ended while the function ran")
        elif self.host.draining and not self._pending:
            self.give_back()
        else:
            self._open(self._release)

    def _leave_logs(self) -> None:
        """What the code said while it was unwound, of a run that is held no more."""
        rows = self._bodies.logs.take(self.facts.id)
        if rows:
            self.host.journal.submit(Call(lambda tx: tx.add(*rows)))

    async def _end(self, checkpoint: Checkpoint) -> None:
        if self._progress is not None:
            self._progress.flush()
        await self._append(checkpoint)
        self.host.gone(self)
        if self._scratched and checkpoint.ends_run:
            await self.host.pool.call(partial(self.host.scratch.remove, self.facts.id))
        self.execution = None  # they held each other: now both are freed at once, not by the cycle collector
