"""The engine of a process: claims runs, starts and resumes them, keeps the coroutines of those that rest."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextvars import Context
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from orchestrator.conf import Settings
from orchestrator.engine.catalog import Catalog, Registered
from orchestrator.engine.claiming import Claiming, Draining
from orchestrator.engine.clock import Clock
from orchestrator.engine.crashes import runs_alone
from orchestrator.engine.deadline_watch import DeadlineWatch
from orchestrator.engine.doorbell import News
from orchestrator.engine.facts import Claimed
from orchestrator.engine.fresh import claimed_from
from orchestrator.engine.guarding import guarded
from orchestrator.engine.journal.items import Call, NewRun
from orchestrator.engine.journal.port import Journal
from orchestrator.engine.journal.tx import Effects
from orchestrator.engine.limit_sweep import LimitSweep
from orchestrator.engine.live import LiveRun
from orchestrator.engine.load import Load
from orchestrator.engine.loading import load_requests
from orchestrator.engine.pausing import Pauses
from orchestrator.engine.pool import BodyPool
from orchestrator.engine.recording import Recorder
from orchestrator.engine.scratch import Scratch
from orchestrator.engine.starting import Starting
from orchestrator.engine.timers import Timers
from orchestrator.engine.waking import Waking
from orchestrator.executors.base import Executor
from orchestrator.sdk.branches import task_factory
from orchestrator.sdk.registry import Registry
from orchestrator.sdk.transport import StepRun

SHOW_EVERY = timedelta(milliseconds=100)


class Dispatcher:
    """Lives on one loop. Everything that comes from other threads enters by ``notice``."""

    def __init__(
        self,
        *,
        settings: Settings,
        journal: Journal,
        clock: Clock,
        catalog: Catalog,
        registry: Registry,
        pool: BodyPool,
        timers: Timers,
        executor: Executor,
        isolated: Executor | None = None,
        loop: asyncio.AbstractEventLoop,
        worker: str,
        transact: Callable[[Recorder, StepRun, Callable[[], Any]], str],
    ) -> None:
        self.journal = journal
        self.clock = clock
        self.pool = pool
        self.transact = transact
        self.quarantine_after = settings.quarantine_after
        self.registry = registry
        self.scratch = Scratch(settings)
        self.load = Load(settings.concurrency)
        self.starting = Starting(clock, catalog, self._reserve)
        self._queueing = Starting(clock, catalog)  # in the journal: no room is reserved
        self.pauses, self._sweep = Pauses(), LimitSweep()
        self.deadlines = DeadlineWatch(journal, clock, timers.at, self.background)
        self.live: dict[str, LiveRun] = {}
        self.parked: OrderedDict[str, LiveRun] = OrderedDict()
        self.draining = False
        self._waking = Waking(clock, self.parked, timers.at, self.claim)
        self._settings = settings
        self._timers = timers
        self._executor = executor
        self._isolated = isolated or executor
        self._loop = loop
        self._worker = worker
        self._tasks: set[asyncio.Task[None]] = set()
        self._claiming = self._again = self._showing = False
        self._places: set[str] = set()  # limits that may have one, after the next claim's look
        loop.set_task_factory(task_factory)  # type: ignore[arg-type]

    # What others tell

    def notice(self, effects: Effects) -> None:
        """A batch was committed: claims what became ready, drains what is held. On the loop."""
        self.refused(effects.refused)
        for new in effects.started:
            self._execute(claimed_from(new))
            self.load.cancel()  # after: at no moment does it look as if nothing ran here
        if held := self._held(effects.inbox_runs):
            self.drain(*held)
        self._places |= effects.freed | effects.gated
        if effects.ready or self._places or len(held) < len(effects.inbox_runs):
            self.claim()
        self.deadlines.expect(effects.deadlines)
        self._waking.expect(effects.due, effects.asleep)

    def told(self, news: News) -> None:
        """Another process has committed: drains what is held here, claims what is ready. On the loop."""
        if held := self._held(news.runs):
            self.drain(*held)
        if news.ready or len(held) < len(news.runs):
            self.claim()

    def _held(self, runs: Iterable[str]) -> list[LiveRun]:
        return [live for run in runs if (live := self.live.get(run)) and not live.ended]

    def refused(self, runs: Sequence[NewRun]) -> None:
        """Runs that were to begin here and were not inserted: their room is free again."""
        self.load.cancel(sum(new.run.owner is not None for new in runs))

    # Claims

    def claim(self) -> None:
        """Looks for runs to take, once; a call during the look makes it look again."""
        self._again = True
        if not self._claiming and not self.draining:
            self._claiming = True
            self.background(self._claim())

    async def _claim(self) -> None:
        try:
            while self._again and not self.draining and (free := self.load.free()) > 0:
                self._again, refused = False, self.load.refused
                parked, ahead = {run: live.facts.fence for run, live in self.parked.items()}, self._waking.take()
                freed, self._places = self._places, set()
                room = (free, self.load.bite)
                sought = (tuple(self.registry), *room, parked, self._queueing, self.pauses, freed, self._sweep, ahead)
                claimed, more = await self.journal.append(Call(Claiming(self._settings, *sought)))
                await self._start_all(claimed)
                self._waking.missed(ahead, claimed)
                self._again |= self.load.bitten(more=more)
                self.load.looked_at(0 if self._again else refused)
        finally:
            self._claiming = False

    async def _start_all(self, claimed: Sequence[Claimed]) -> None:
        for one in claimed:
            self.load.take(one.facts.id)
        parked = {one.facts.id: self.parked.pop(one.facts.id, None) for one in claimed}
        # Their coroutines had to make room while they were claimed.
        evicted = [c for c in claimed if c.request is None and c.drained.cancel is None and parked[c.facts.id] is None]
        if evicted:
            await self.journal.append(Call(partial(load_requests, claimed=evicted)))
        for one in claimed:
            self._start(one, parked[one.facts.id])

    def _start(self, claimed: Claimed, parked: LiveRun | None) -> None:
        if claimed.drained.cancel is not None:
            if parked is not None:
                parked.lose()
            self.load.drop(claimed.facts.id)
            return
        if parked is not None and claimed.request is None:
            self.live[claimed.facts.id] = parked
            parked.resume(claimed)
            return
        if parked is not None:
            parked.lose()
        execute = partial(self._execute, claimed)
        self.at(claimed.wakes_at, execute) if claimed.wakes_at else execute()

    def _execute(self, claimed: Claimed) -> None:
        request = claimed.request
        assert request is not None
        recorder = Recorder(
            claimed.facts,
            request,
            self._worker,
            self.starting,
            self._settings.blob_bytes,
            self._settings.max_value_bytes,
        )
        run = LiveRun(self, recorder, claimed)
        self.live[claimed.facts.id] = run
        self.load.take(claimed.facts.id)
        definition = self.registry.get(claimed.facts.function)
        executor = self._isolated if runs_alone(definition, claimed.facts) else self._executor
        run.execution = executor.start(definition, request, run)
        run.keep_to(definition.limits.max_duration, begun=executor is self._executor)

    # What live runs need

    def soon(self, call: Callable[[], None]) -> None:
        self._loop.call_soon(call)

    def at(self, moment: datetime, call: Callable[[], None]) -> None:
        self._timers.at(moment, call)

    def lease(self, recorder: Recorder) -> dict[str, Any]:
        """What another process needs to commit under a lease of ours."""
        config = self._settings
        limits = {"blob_bytes": config.blob_bytes, "max_value_bytes": config.max_value_bytes}
        who = {"owner": self.journal.owner, "worker": recorder.worker}
        return {"facts": recorder.facts, "database": config.database, **who, **limits}

    def drain(self, *runs: LiveRun) -> None:
        """Reads the inbox of runs that are held here."""
        for run in runs:
            run.drains += 1
        self.background(self._drain({run.facts.id: run for run in runs}))

    async def _drain(self, held: dict[str, LiveRun]) -> None:
        found: dict[str, Claimed] = {}
        try:
            draining = Draining({id: run.facts.fence for id, run in held.items()})
            found = {claimed.facts.id: claimed for claimed in await self.journal.append(Call(draining))}
        finally:
            for id, run in held.items():
                run.drained(found.get(id))

    def rested(self, run: LiveRun) -> None:
        """A run is being released; its coroutine is kept while there is room."""
        self.live.pop(run.facts.id, None)
        self._freed(run)
        if run.execution is not None and not run.execution.parks:
            run.execution.suspend()
        elif run.execution is not None:
            self.parked[run.facts.id] = run
            while len(self.parked) > self._settings.parked_runs:
                _, oldest = self.parked.popitem(last=False)
                oldest.lose()

    def gone(self, run: LiveRun) -> None:
        if self.live.get(run.facts.id) is run:
            del self.live[run.facts.id]
        if self.parked.get(run.facts.id) is run:
            del self.parked[run.facts.id]
        self._freed(run)

    def _freed(self, run: LiveRun) -> None:
        full = self.load.free() <= 0
        self.load.drop(run.facts.id)
        if full:
            self.claim()

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        # In a context of its own: it is no branch of the run that happens to ask for it.
        task = self._loop.create_task(guarded(work), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def bodies_run(self) -> None:
        if not self._showing:
            self._showing = True
            self.pool.on_loop(lambda: self.at(self.clock.now() + SHOW_EVERY, self._show_bodies))

    def _show_bodies(self) -> None:
        self._showing = False
        if [run for run in list(self.live.values()) if run.show_bodies()]:
            self.bodies_run()

    def _reserve(self, known: Registered) -> str | None:
        """The session that starts a new run at once: ours, when the function is here and there is room."""
        here = not self.draining and self.registry.find(known.slug) is not None
        admitted = here and self.pauses.admit(known.env, known.slug, known.queue)
        return self.journal.owner if admitted and self.load.reserve() else None

    # The end

    def look(self, held: dict[str, int], dues: Sequence[datetime]) -> None:
        """The sweep: drains what is held here and has messages, claims what others left, sets the next timers."""
        for due in dues:
            self.at(due, self.claim)
        if mine := self._held(held):
            self.drain(*mine)
        self._sweep.ask()
        self.claim()

    def give_back_quiet(self) -> None:
        """The process is about to end: runs that only wait for children need not be waited for."""
        for run in list(self.live.values()):
            if run.is_quiet:
                run.give_back()

    def give_back_all(self) -> None:
        """The process ends: what still runs goes on elsewhere from its last checkpoint."""
        for run in list(self.live.values()):
            run.give_back()

    def drop_all(self) -> None:
        """Everything held, or kept while it rests, is another's by now."""
        for run in [*self.live.values(), *self.parked.values()]:
            run.lose()

    @property
    def empty(self) -> bool:
        """No run executes here or is about to."""
        return not self.load.reserved and not self._claiming and not self.live

    @property
    def idle(self) -> bool:
        return not self._tasks and not self._claiming
