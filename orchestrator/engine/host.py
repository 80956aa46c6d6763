"""Starting and ending the engine of a process: session, writer, loop, threads, keeper."""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from django.db import connections

from orchestrator.conf import Settings, settings
from orchestrator.engine import capture
from orchestrator.engine.catalog import Catalog
from orchestrator.engine.clock import system_clock
from orchestrator.engine.collecting import Collector
from orchestrator.engine.deadlines import deadlines_soon, tidy_terms
from orchestrator.engine.dispatch import Dispatcher
from orchestrator.engine.homelock import HomeLock, home_lock
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.journal.writer import JournalWriter
from orchestrator.engine.keeper import Duty, Keeper
from orchestrator.engine.limit_rows import forget_idle
from orchestrator.engine.membership import PARTING_SECONDS, Membership
from orchestrator.engine.pausing import let_resumed_go
from orchestrator.engine.pool import ThreadPool
from orchestrator.engine.registration import register
from orchestrator.engine.retention_duty import RetentionDuty
from orchestrator.engine.runtime import Runtime, install
from orchestrator.engine.schedules import Ticker
from orchestrator.engine.scratch import known_runs
from orchestrator.engine.session import due_soon, held_with_messages, recover, tidy
from orchestrator.engine.sql import open_connection, refuse_to_wait_in_transaction
from orchestrator.engine.timers import Timers
from orchestrator.engine.transactions import transact
from orchestrator.engine.unwinding import end_tasks
from orchestrator.engine.waking import NEAR
from orchestrator.executors.isolated import IsolatedExecutor
from orchestrator.executors.local import LocalExecutor
from orchestrator.sdk.discovery import require_functions
from orchestrator.sdk.registry import Registry, registry

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 2.0
TIDY_SECONDS = 60.0
TICK_SECONDS = 1.0


class EngineHost:
    """The engine of this process; ``drain`` ends it in good order."""

    def __init__(self, config: Settings, lock: HomeLock | None, functions: Registry, *, scheduler: bool) -> None:
        self.settings = config
        self._lock = lock
        self._functions = functions
        self._scheduler = scheduler
        self._spread = connections[config.database].vendor == "postgresql"  # other processes write there, too
        self.journal = JournalWriter(
            lambda: open_connection(config.database),
            system_clock.new_id(),
            system_clock,
            on_effects=lambda effects: self.runtime.heard(effects),
            before_submit=partial(refuse_to_wait_in_transaction, config.database),
            on_session_lost=lambda: self._membership.rejoin(),
        )
        self._membership = Membership(
            config,
            self.journal,
            config.queues,
            sole=lock is not None,
            on_lost=lambda: self.loop.call_soon_threadsafe(self.dispatcher.drop_all),
        )
        self.runtime = Runtime(config, self.journal, system_clock, Catalog(), functions)
        self.loop = asyncio.new_event_loop()
        self.pool = ThreadPool(config.body_threads, self.loop)
        self._isolated = IsolatedExecutor(config.isolated_runs, spare=config.spare_process)
        self.dispatcher = Dispatcher(
            settings=config,
            journal=self.journal,
            clock=system_clock,
            catalog=self.runtime.catalog,
            registry=functions,
            pool=self.pool,
            timers=Timers(system_clock, self.loop),
            executor=LocalExecutor(self.pool.submit),
            isolated=self._isolated,
            loop=self.loop,
            transact=partial(transact, config.database, self.journal),
            worker=f"{socket.gethostname()}:{os.getpid()}",
        )
        self._thread = threading.Thread(target=self._run_loop, name="signalbox-engine", daemon=True)
        self._ticker = Ticker(self.journal, self.runtime.queueing)
        self._keeper = Keeper(self._duties())
        self._retention = RetentionDuty(
            partial(open_connection, config.database, checkpoints=False), config.retention, system_clock
        )
        self._collector = Collector()

    def start(self) -> None:
        self._membership.join().result()
        self.journal.submit(
            Call(partial(register, definitions=tuple(self._functions), version=self.settings.version))
        ).result()
        self.runtime.attach(self.dispatcher, self.loop)
        self.runtime.refresh_catalog()
        self.journal.submit(Call(self.dispatcher.pauses.look)).result()
        capture.start()
        self._thread.start()
        self._sweep()
        self._sweep_scratch()
        self._keeper.start()
        if self._scheduler:
            self._retention.start()
        self.runtime.open_doorbells()
        self._collector.relax()

    def drain(self, timeout_seconds: float = 5.0) -> None:
        """Ends in good order: bodies that run may end, the rest goes on elsewhere from its last checkpoint."""
        self.dispatcher.draining = True
        self._keeper.stop(PARTING_SECONDS)
        if self._scheduler:
            self._retention.stop(PARTING_SECONDS)
        self.loop.call_soon_threadsafe(self.dispatcher.give_back_quiet)
        end = time.monotonic() + timeout_seconds
        self._wait(end, lambda: self.dispatcher.empty)
        self._do(self.dispatcher.give_back_all)
        self._do(self.dispatcher.drop_all)
        self._wait(time.monotonic() + 2.0, lambda: self.dispatcher.idle and self._isolated.idle)
        self._do(self._isolated.kill_all)
        self._wait(time.monotonic() + 1.0, lambda: self._isolated.idle)
        self._isolated.close()
        self._membership.leave()
        self.runtime.close_doorbells()
        end_tasks(self.loop)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(2.0)
        self.pool.close()
        self.journal.close(PARTING_SECONDS)
        if self.dispatcher.idle and not self._thread.is_alive():
            self.loop.close()  # else a late body still reports to it
        install(None)
        capture.stop()
        self._collector.restore()
        if self._lock is not None:
            self._lock.release()

    def _do(self, call: Callable[[], None]) -> None:
        """On the loop, before going on: until then it may look idle."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(call)
        self.loop.call_soon_threadsafe(done.set)
        done.wait(2.0)

    def _wait(self, end: float, done: Callable[[], bool]) -> None:
        while not done() and time.monotonic() < end:
            time.sleep(0.01)

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _duties(self) -> list[Duty]:
        duties = [
            Duty(self.settings.lease_seconds / 3, self._membership.renew),
            Duty(SWEEP_SECONDS, self._sweep),
            Duty(TIDY_SECONDS, self._sweep_scratch),
        ]
        if self._scheduler:
            duties += [Duty(TICK_SECONDS, self._tick), Duty(TIDY_SECONDS, self._tidy)]
        return duties

    def _sweep(self) -> None:
        """What a process that died between its commit and its look has left."""

        def sweep(tx: Tx) -> tuple[dict[str, int], list[datetime], list[datetime]]:
            if self._scheduler:
                recover(tx)
                self.runtime.route(tx)
                let_resumed_go(tx)
            return held_with_messages(tx, tx.owner), due_soon(tx, NEAR), deadlines_soon(tx) if self._scheduler else []

        held, dues, deadlines = self.journal.submit(Call(sweep)).result()
        self.loop.call_soon_threadsafe(self.dispatcher.look, held, dues)
        self.loop.call_soon_threadsafe(self.dispatcher.deadlines.expect, deadlines)

    def _sweep_scratch(self) -> None:
        scratch = self.dispatcher.scratch
        if runs := scratch.runs():
            running, ended = self.journal.submit(Call(partial(known_runs, runs=runs))).result()
            scratch.sweep(running, ended)

    def _tick(self) -> None:
        self._ticker.tick()

    def _tidy(self) -> None:
        self.journal.submit(Call(tidy)).result()
        self.journal.submit(Call(tidy_terms)).result()
        after: str | None = ""
        while after is not None:  # in transactions between which others have their turn
            after = self.journal.submit(Call(partial(forget_idle, after=after))).result()
        if self._spread:
            self.runtime.refresh_catalog()


def start_engine(
    *, scheduler: bool = True, functions: Registry = registry, queues: Sequence[str] | None = None
) -> EngineHost:
    """Starts the engine of this process: for these functions, and these queues instead of those of the settings.

    ``scheduler``: it also gives away what dead processes held, routes events, and starts crons.
    Raises InvalidFunction when a module with functions could not be imported, and EngineAlreadyRunning on SQLite when
    another process is the engine.
    """
    require_functions()
    config = settings() if queues is None else replace(settings(), queues=tuple(queues))
    host = EngineHost(config, home_lock(config), functions, scheduler=scheduler)
    former = install(host.runtime)
    if former is not None:
        former.stop_listening()
    host.start()
    return host
