"""What a process has of the engine: always a way to write; where functions run, the dispatcher and its keeper."""

import asyncio
import atexit
import logging
import os
import threading
from contextlib import suppress
from functools import partial
from typing import Any

from orchestrator.conf import Settings, settings
from orchestrator.core.errors import MisplacedCall
from orchestrator.engine import doorbell
from orchestrator.engine.bell import ring
from orchestrator.engine.catalog import Catalog, read_catalog, registered
from orchestrator.engine.clock import Clock, system_clock
from orchestrator.engine.dispatch import Dispatcher
from orchestrator.engine.doorbell import News, Ringer
from orchestrator.engine.journal.items import Call, Ingest, Item
from orchestrator.engine.journal.port import Journal
from orchestrator.engine.journal.tx import Effects, Leftovers, Tx
from orchestrator.engine.journal.writer import JournalWriter
from orchestrator.engine.membership import Membership
from orchestrator.engine.notify import Listener, NotifyBell
from orchestrator.engine.routing import route_unrouted
from orchestrator.engine.sql import connection_params, open_connection, refuse_to_wait_in_transaction
from orchestrator.engine.starting import Starting
from orchestrator.sdk.registry import Registry, registry

logger = logging.getLogger(__name__)
CATALOG_SECONDS = 2.0  # how old the routes of a process without functions may be


class Runtime:
    """The engine's parts of this process. ``dispatcher`` is None where no functions run."""

    def __init__(
        self, config: Settings, journal: Journal, clock: Clock, catalog: Catalog, functions: Registry = registry
    ) -> None:
        self.settings = config
        self.journal = journal
        self.clock = clock
        self.catalog = catalog
        self.registry = functions
        self.starting = Starting(clock, catalog)
        # For what is decided inside the journal, perhaps more than once: its runs are queued, no room is reserved.
        self.queueing = Starting(clock, catalog)
        self.dispatcher: Dispatcher | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.nested = False
        self._ringer: Ringer | None = None
        self._listener: Listener | None = None

    def attach(self, dispatcher: Dispatcher, loop: asyncio.AbstractEventLoop) -> None:
        """Functions run here: new runs may begin at once."""
        self.dispatcher = dispatcher
        self.loop = loop
        self.starting = dispatcher.starting

    def commit(self, item: Item) -> Any:
        """From a thread: the item's answer, after its commit."""
        try:
            return self.journal.submit(item).result()
        except BaseException:
            self._give_back_room(item)
            raise

    async def acommit(self, item: Item) -> Any:
        """From a coroutine: the item's answer, after its commit."""
        try:
            return await self.journal.append(item)
        except BaseException:
            self._give_back_room(item)
            raise

    def _give_back_room(self, item: Item) -> None:
        if self.dispatcher is not None and isinstance(item, Ingest):
            self.dispatcher.refused([run for start in item.starts for run in start.runs])

    def heard(self, effects: Effects) -> None:
        """After each commit, on the writer's thread: tells the dispatcher, then whoever listens."""
        if effects.concern_dispatcher:
            self._tell_dispatcher(effects)
        if effects.changes:
            ring(list(effects.changes.values()))
        if self._ringer is not None:
            held = self.dispatcher.live if self.dispatcher is not None else {}
            runs = {run for run in effects.inbox_runs if run not in held}
            self._ringer.tell(News(effects.ready + effects.more, runs, effects.changes))

    def _tell_dispatcher(self, effects: Effects) -> None:
        if self.dispatcher is not None and self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.dispatcher.notice, effects)

    def open_doorbells(self) -> None:
        """From now on other processes hear what is committed here, and this one what they commit."""
        worker_bell = doorbell.make_worker_bell(self.catalog.queues) if doorbell.make_worker_bell else None
        bells: list[doorbell.Doorbell] = [worker_bell] if worker_bell is not None else []
        origin, for_workers = self.clock.new_id(), worker_bell is None
        if doorbell.make_exchange is not None:
            bells.append(doorbell.make_exchange(origin, self.told, for_workers=for_workers))
        params = _listening_params(self.settings)
        if params is not None:
            bells.append(NotifyBell(params, origin, for_workers=for_workers))
            self._listener = Listener(params, origin, self.told)
        if bells:
            self._ringer = Ringer(bells)

    def stop_listening(self) -> None:
        """Another runtime of this process listens from now on."""
        if self._listener is not None:
            self._listener.close()

    def close_doorbells(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._ringer is not None:
            self._ringer.close()
            self._ringer = None

    def told(self, news: News) -> None:
        """What another process has committed."""
        if news.changes:
            ring(list(news.changes.values()))
        if not news.ready and not news.runs:
            return
        if self.dispatcher is not None and self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.dispatcher.told, news)

    def forget_pauses(self) -> None:
        """Nothing begins at once here until the next claim has looked at them."""
        if self.dispatcher is not None:
            self.dispatcher.pauses.forget()

    def route_soon(self) -> None:
        """Routes what authors' transactions have left, without waiting for it."""
        self.journal.submit(Call(self.route))

    def route(self, tx: Tx) -> bool:
        """Whether there may be more."""
        if not self.catalog.loaded:
            self._read_catalog(tx)
        more = route_unrouted(tx, self.queueing)
        if more:
            self.route_soon()
        return more

    def refresh_catalog(self) -> None:
        """Reads the functions that other processes registered. Raises MisplacedCall in a transaction on SQLite."""
        self.journal.submit(Call(self._read_catalog)).result()

    def _read_catalog(self, tx: Tx) -> None:
        # Ours too where no engine runs: what they listen for may come before the first engine has registered them.
        self.catalog.load([*read_catalog(tx), *(registered(known, self.settings.version) for known in self.registry)])
        flows = [known.flow for known in self.catalog.all()]
        self.journal.leftovers = Leftovers(
            slots=any(flow.limits_starts for flow in flows), terms=any(flow.has_terms for flow in flows)
        )


_runtime: Runtime | None = None
_pid = 0
_lock = threading.Lock()


def current() -> Runtime:
    """This process's runtime; a process that only sends gets its writer at the first call (again after a fork)."""
    runtime = _runtime if _pid == os.getpid() else None
    if runtime is None:
        runtime = _begin()
    if not runtime.catalog.loaded:
        with suppress(MisplacedCall):  # SQLite's lock is held by a transaction of this thread: route() reads it then
            runtime.refresh_catalog()
    return runtime


def _begin() -> Runtime:
    global _runtime, _pid
    with _lock:
        if _runtime is None or _pid != os.getpid():
            _runtime = _sender()
            _pid = os.getpid()
        return _runtime


def install(runtime: Runtime | None) -> Runtime | None:
    """Makes it this process's runtime; the former one is returned."""
    global _runtime, _pid
    former, _runtime, _pid = _runtime, runtime, os.getpid()
    return former


def listen() -> None:
    """From now on this process hears what others commit, though it may never write anything."""
    if (_runtime is None or _pid != os.getpid()) and (doorbell.make_exchange or _listening_params(settings())):
        _begin()


def wake() -> None:
    """Somebody else says that there may be work."""
    if _runtime is not None and _pid == os.getpid():
        _runtime.told(News(ready=1))


def leave(timeout_seconds: float) -> None:
    """Writes what is left to write; a process that never wrote has nothing to do."""
    if _runtime is not None and _pid == os.getpid():
        _runtime.close_doorbells()
        _runtime.journal.close(timeout_seconds)


def _listening_params(config: Settings) -> dict[str, Any] | None:
    return connection_params(config.database) if config.listen and not config.transaction_pool else None


def _sender() -> Runtime:
    config = settings()
    catalog = Catalog()
    holder: list[Runtime] = []
    journal = JournalWriter(
        lambda: open_connection(config.database, checkpoints=False),
        system_clock.new_id(),
        system_clock,
        on_effects=lambda effects: holder[0].heard(effects),
        on_session_lost=lambda: membership.rejoin(),
        before_submit=partial(refuse_to_wait_in_transaction, config.database),
    )
    runtime = Runtime(config, journal, system_clock, catalog)
    holder.append(runtime)
    membership = Membership(config, journal, ())
    atexit.register(journal.close, timeout_seconds=10.0)  # a database that is away must not keep the process
    if connection_params(config.database) is not None:  # SQLite's one engine would take it for dead
        membership.join()
        atexit.register(membership.leave)
    runtime.open_doorbells()
    atexit.register(runtime.close_doorbells)
    threading.Thread(target=_keep, args=(runtime, membership), name="signalbox-sender", daemon=True).start()
    return runtime


def _keep(runtime: Runtime, membership: Membership) -> None:
    """Looks after a process without an engine, until it gets one."""
    wait = threading.Event()
    while not wait.wait(CATALOG_SECONDS):
        if _runtime is not runtime or _pid != os.getpid():
            runtime.close_doorbells()
            return
        try:
            membership.renew()
            runtime.refresh_catalog()
        except Exception:  # a database that is away now is there again later
            logger.exception("catalog.refresh_failed")
