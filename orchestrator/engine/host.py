"""Starting and ending the engine of a process: session, writer, loop, threads, keeper."""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connections

from orchestrator.conf import Settings, settings
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine import capture
from orchestrator.engine.catalog import Catalog
from orchestrator.engine.clock import system_clock
from orchestrator.engine.collecting import Collector
from orchestrator.engine.dispatch import NEAR, Dispatcher
from orchestrator.engine.homelock import HomeLock, home_lock
from orchestrator.engine.journal.items import Call, Ingest, Item
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.journal.writer import JournalWriter
from orchestrator.engine.keeper import Duty, Keeper
from orchestrator.engine.pool import ThreadPool
from orchestrator.engine.registration import register
from orchestrator.engine.runtime import Runtime, install
from orchestrator.engine.schedules import Ticker
from orchestrator.engine.session import Registering, due_soon, held_with_messages, leave, recover, tidy
from orchestrator.engine.sql import open_connection, refuse_to_wait_in_transaction
from orchestrator.engine.timers import Timers
from orchestrator.engine.transactions import transact
from orchestrator.executors.isolated import IsolatedExecutor
from orchestrator.executors.local import LocalExecutor
from orchestrator.sdk.discovery import require_functions
from orchestrator.sdk.registry import registry

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 2.0
TIDY_SECONDS = 60.0
TICK_SECONDS = 1.0
PARTING_SECONDS = 1.0  # for each last word when the process ends; longer means that the database is away


class EngineHost:
    """The engine of this process; ``drain`` ends it in good order."""

    def __init__(self, config: Settings, lock: HomeLock | None, *, scheduler: bool) -> None:
        self.settings = config
        self._lock = lock
        self._sole = lock is not None
        self._scheduler = scheduler
        self._counts = connections[config.database].vendor == "postgresql"
        self.journal = JournalWriter(
            lambda: open_connection(config.database),
            system_clock.new_id(),
            system_clock,
            on_effects=lambda effects: self.runtime.heard(effects),
            before_submit=partial(refuse_to_wait_in_transaction, config.database),
            on_session_lost=lambda: self._rejoin(self.journal.submit_first),  # before anything is claimed in its name
        )
        self.runtime = Runtime(config, self.journal, system_clock, Catalog())
        self.loop = asyncio.new_event_loop()
        self.pool = ThreadPool(config.body_threads, self.loop)
        self._isolated = IsolatedExecutor(config.isolated_runs)
        self.dispatcher = Dispatcher(
            settings=config,
            journal=self.journal,
            clock=system_clock,
            catalog=self.runtime.catalog,
            registry=registry,
            pool=self.pool,
            timers=Timers(system_clock, self.loop),
            executor=LocalExecutor(self.pool.submit),
            isolated=self._isolated,
            loop=self.loop,
            transact=partial(transact, config.database, self.journal),
            worker=f"{socket.gethostname()}:{os.getpid()}",
        )
        self._thread = threading.Thread(target=self._run_loop, name="signalbox-engine", daemon=True)
        self._ticker = Ticker(self.runtime.starting)
        self._keeper = Keeper(self._duties())
        self._collector = Collector()

    def start(self) -> None:
        self._join(self.journal.submit).result()
        self.journal.submit(Call(partial(register, definitions=tuple(registry)))).result()
        self.runtime.attach(self.dispatcher, self.loop)
        self.runtime.refresh_catalog()
        self._ticker = Ticker(self.runtime.starting)
        capture.start()
        self._thread.start()
        self._sweep()
        self._keeper.start()
        self._collector.relax()

    def drain(self, timeout_seconds: float = 5.0) -> None:
        """Ends in good order: bodies that run may end, the rest goes on elsewhere from its last checkpoint."""
        self.dispatcher.draining = True
        self._keeper.stop(PARTING_SECONDS)
        self.loop.call_soon_threadsafe(self.dispatcher.give_back_quiet)
        end = time.monotonic() + timeout_seconds
        self._wait(end, lambda: self.dispatcher.empty)
        given_back = threading.Event()
        self.loop.call_soon_threadsafe(self.dispatcher.give_back_all)
        self.loop.call_soon_threadsafe(given_back.set)
        given_back.wait(2.0)  # before that it may look idle
        self._wait(time.monotonic() + 2.0, lambda: self.dispatcher.idle and self._isolated.idle)
        self.loop.call_soon_threadsafe(self._isolated.kill_all)
        self._wait(time.monotonic() + 1.0, lambda: self._isolated.idle)
        self._say_goodbye()
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

    def _wait(self, end: float, done: Callable[[], bool]) -> None:
        while not done() and time.monotonic() < end:
            time.sleep(0.01)

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _join(self, submit: Callable[[Item], "Future[Any]"]) -> "Future[Any]":
        registering = Registering(self.journal.owner, self.settings.queues, self.settings.lease_seconds, self._sole)
        joined = submit(Call(registering))
        if self._counts:
            joined.add_done_callback(lambda _: self.journal.count_batches(counting=True))
        return joined

    def _say_goodbye(self) -> None:
        try:
            self.journal.submit(Call(self._leave)).result(PARTING_SECONDS)
        except (TimeoutError, OrchestratorError) as error:  # the end of its lease tells the others
            logger.warning("engine.left_unsaid", extra={"worker": self.journal.owner, "reason": repr(error)})

    def _leave(self, tx: Tx) -> None:
        leave(tx, tx.owner)
        self.journal.count_batches(counting=False)  # what is said now is late, and no reason to join again

    def _rejoin(self, submit: Callable[[Item], "Future[Any]"]) -> None:
        """This session was given up for dead. What it held is others'; it begins anew."""
        logger.warning("engine.session_lost", extra={"worker": self.journal.owner})
        self.loop.call_soon_threadsafe(self.dispatcher.drop_all)
        self.journal.owner = system_clock.new_id()
        self._join(submit)

    def _duties(self) -> list[Duty]:
        duties = [
            Duty(self.settings.lease_seconds / 3, self._renew),
            Duty(SWEEP_SECONDS, self._sweep),
        ]
        if self._scheduler:
            duties += [Duty(TICK_SECONDS, self._tick), Duty(TIDY_SECONDS, self._tidy)]
        return duties

    def _renew(self) -> None:
        def renew(tx: Tx) -> bool:
            return tx.db.renew(tx.owner, self.settings.lease_seconds, tx.now)

        if not self.journal.submit(Call(renew)).result() and not self._counts:
            self._rejoin(self.journal.submit)

    def _sweep(self) -> None:
        """What a process that died between its commit and its look has left."""

        def sweep(tx: Tx) -> tuple[dict[str, int], list[datetime]]:
            if self._scheduler:
                recover(tx)
                self.runtime.route(tx)
            return held_with_messages(tx, tx.owner), due_soon(tx, NEAR)

        held, dues = self.journal.submit(Call(sweep)).result()
        self.loop.call_soon_threadsafe(self.dispatcher.look, held, dues)

    def _tick(self) -> None:
        starts = self._ticker.due(system_clock.now())
        if starts:
            self.runtime.commit(Ingest(starts))

    def _tidy(self) -> None:
        self.journal.submit(Call(tidy)).result()
        if self._counts:
            self.runtime.refresh_catalog()


def start_engine(*, scheduler: bool = True) -> EngineHost:
    """Starts the engine of this process.

    Raises InvalidFunction when a module with functions could not be imported, and EngineAlreadyRunning on SQLite when
    another process is the engine.
    """
    require_functions()
    config = settings()
    host = EngineHost(config, home_lock(config), scheduler=scheduler)
    install(host.runtime)
    host.start()
    return host
