"""The engine on one thread and a virtual clock: what the Harness drives."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from orchestrator.conf import Settings
from orchestrator.core.codec import encode
from orchestrator.core.ops import OpKind, StepCompleted
from orchestrator.engine import capture
from orchestrator.engine.catalog import Catalog, registered
from orchestrator.engine.clock import VirtualClock
from orchestrator.engine.deadlines import meet_deadlines
from orchestrator.engine.declared import declare_schedules
from orchestrator.engine.dispatch import Dispatcher
from orchestrator.engine.journal.inline import InlineJournal
from orchestrator.engine.journal.items import Call, Ingest
from orchestrator.engine.pool import InlinePool
from orchestrator.engine.recording import Recorder
from orchestrator.engine.runtime import Runtime, install
from orchestrator.engine.schedules import Ticker, next_due
from orchestrator.engine.sql import Connection
from orchestrator.engine.timers import Timers
from orchestrator.engine.transactions import transact
from orchestrator.executors.local import LocalExecutor
from orchestrator.sdk.registry import registry
from orchestrator.sdk.transport import StepRun

IDLE_LOOKS = 4  # turns of the loop without anything to do
PATIENCE_SECONDS = 30.0  # of real time for author code that waits for something real


class VirtualEngine:
    """``nested``: on a connection whose transaction is a test's own; else on a database of its own."""

    def __init__(
        self, config: Settings, db: Connection, clock: VirtualClock, stubs: Mapping[str, Any], *, nested: bool
    ) -> None:
        self.clock = clock
        self.loop = asyncio.new_event_loop()
        self.journal = InlineJournal(
            db, clock.new_id(), clock, on_effects=lambda effects: self.runtime.heard(effects), nested=nested
        )
        catalog = Catalog()
        catalog.load(registered(definition) for definition in registry)
        self.timers = Timers(clock, self.loop, by_hand=True)
        pool = InlinePool(self.loop)
        body = partial(transact, config.database, self.journal) if nested else self._transact
        self.runtime = Runtime(config, self.journal, clock, catalog)
        self.runtime.nested = nested
        self.dispatcher = Dispatcher(
            settings=config,
            journal=self.journal,
            clock=clock,
            catalog=catalog,
            registry=registry,
            pool=pool,
            timers=self.timers,
            executor=LocalExecutor(pool.submit, stubs, inline=True),
            loop=self.loop,
            worker="harness",
            transact=body,
        )
        self.runtime.attach(self.dispatcher, self.loop)
        self._ticker = Ticker(self.journal, self.runtime.queueing)
        self.journal.submit(Call(partial(declare_schedules, definitions=list(registry)))).result()
        self._database = config.database
        self._nested = nested
        self._former = install(self.runtime) if nested else None  # the code under test sends to it, too

    def commit(self, item: Call | Ingest) -> Any:
        """Commits the item and lets everything run that can."""
        with self._installed():
            answer = self.runtime.commit(item)
        self.pump()
        return answer

    def pump(self) -> None:
        """Runs until everything waits for time or for somebody."""
        with self._installed():
            self._ticker.tick()
            self.loop.run_until_complete(self._settle())
            while self._ticker.tick():  # a tick may have waited for the end of a run
                self.loop.run_until_complete(self._settle())

    def advance(self, delta: timedelta) -> None:
        """Moves the clock, stopping at each timer on the way."""
        target = self.clock.now() + delta
        self.pump()
        while (due := self.next_due()) is not None and due <= target:
            self.clock.move_to(due)
            self.pump()
        self.clock.move_to(target)
        self.pump()

    def next_due(self) -> datetime | None:
        """The moment at which something happens by itself."""
        db = self.journal.db
        [(stored,)] = db.query("SELECT min(due_at) FROM signalbox_run WHERE owner IS NULL AND due_at IS NOT NULL")
        [(deadline,)] = db.query("SELECT min(at) FROM signalbox_deadline")
        found = [db.moment(stored), db.moment(deadline), self.timers.next_due(), next_due(db)]
        later = [moment for moment in found if moment is not None and moment > self.clock.now()]
        return min(later, default=None)

    def close(self) -> None:
        with self._installed():
            self.dispatcher.drop_all()
            self.loop.run_until_complete(asyncio.sleep(0))
        if self._nested:
            install(self._former)
        self.loop.close()
        self.journal.close()

    async def _settle(self) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        self.runtime.commit(Call(meet_deadlines))
        self.runtime.route_soon()
        self.dispatcher.claim()
        looks = 0
        turns = 0
        while looks < IDLE_LOOKS:
            looks = 0 if self.timers.fire() or self._busy() else looks + 1
            turns += 1
            # The first turns cost nothing; then author code waits for something real.
            await asyncio.sleep(0 if turns < 200 else 0.001)
            if time.monotonic() > end:
                raise TimeoutError(f"author code did not come to rest within {PATIENCE_SECONDS:.0f} s of real time")

    def _busy(self) -> bool:
        if not self.dispatcher.idle:
            return True
        return any(not run.is_quiet for run in self.dispatcher.live.values())

    @contextmanager
    def _installed(self) -> Iterator[None]:
        former = install(self.runtime)
        capture.start()
        try:
            yield
        finally:
            capture.stop()
            install(former)

    def _transact(self, recorder: Recorder, step: StepRun, function: Callable[[], Any]) -> str:
        """The author's writes go to the project's database, the checkpoint to the one in memory."""
        if getattr(getattr(function, "func", None), "is_stub", False):
            text = encode(function())
        else:
            with transaction.atomic(using=self._database):
                text = encode(function())
        now = self.clock.now()
        op = StepCompleted(
            step.key, OpKind.TRANSACTION, step.ordinal, step.attempt, step.started_at, now, text, recorded=step.recorded
        )
        self.journal.submit(recorder.record(op, now)).result()
        return text
