"""Doorbells between processes: what one has committed, others look at soon. They may be lost: sweeps look anyway."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestrator.core.ops import FINAL
from orchestrator.engine.bell import Change

logger = logging.getLogger(__name__)
QUIET_SECONDS = 0.01  # between two rings, for what comes meanwhile
BUSY_SECONDS = 0.025  # the same where it is MANY each time: a bell costs all who hear it
MANY = 3  # commits with news that somebody waits for; one who waits for one run at a time makes one
CALM_SECONDS = 0.02  # that news may wait for more, when nobody goes on with it
CHANGES_ONLY = '"ready":0,"runs":[],'  # in a message for those who show runs, and nobody else
CHUNK = 100  # runs or changes in one message: PostgreSQL takes at most 8,000 bytes


@dataclass(slots=True)
class News:
    """What others may want to know: ``runs`` have something in their inbox, about ``ready`` wait for a worker."""

    ready: int = 0
    runs: set[str] = field(default_factory=set)
    changes: dict[str, Change] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.ready or self.runs or self.changes)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody may go on with it: a worker, a run, or who waits for a run's end."""
        return bool(self.ready or self.runs) or any(change.status in FINAL for change in self.changes.values())


def to_messages(news: News, origin: str) -> Iterator[dict[str, Any]]:
    """The news as plain values, in parts that any carrier takes; ``origin`` tells a process its own."""
    runs, changes = sorted(news.runs), [tuple(change) for change in news.changes.values()]
    for start in range(0, max(len(runs), len(changes), int(news.ready > 0)), CHUNK):
        part = slice(start, start + CHUNK)
        yield {"from": origin, "ready": 0 if start else news.ready, "runs": runs[part], "changes": changes[part]}


def from_message(message: Mapping[str, Any], origin: str) -> News:
    """The news of another process; nothing in what this one sent. Raises KeyError or TypeError on a stranger's."""
    if message["from"] == origin:
        return News()
    changes = {change[0]: Change(*change) for change in message["changes"]}
    return News(message["ready"], set(message["runs"]), changes)


class Doorbell(Protocol):
    """Rung from a thread of its own; may raise and be slow."""

    def ring(self, news: News) -> None: ...
    def close(self) -> None: ...


class Ringer:
    """Collects news from any thread and rings with what came together; a bell that fails costs nothing but time."""

    def __init__(self, bells: Sequence[Doorbell]) -> None:
        self._bells = bells
        self._news = News()
        self._number_awaited = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._awaited = threading.Event()
        self._closed = threading.Event()
        self._silent: set[int] = set()
        self._thread = threading.Thread(target=self._run, name="signalbox-ringer", daemon=True)
        self._thread.start()

    def tell(self, news: News) -> None:
        """Never waits."""
        if news:
            awaited = news.is_awaited
            with self._lock:
                self._news.ready += news.ready
                self._news.runs |= news.runs
                self._news.changes |= news.changes
                self._number_awaited += awaited
            self._wake.set()
            if awaited:
                self._awaited.set()

    def close(self) -> None:
        """Rings with what is left."""
        self._closed.set()
        self._wake.set()
        self._awaited.set()
        self._thread.join(1.0)
        for bell in self._bells:
            bell.close()

    def _run(self) -> None:
        quiet = QUIET_SECONDS
        while not self._closed.is_set():
            self._wake.wait()
            self._awaited.wait(CALM_SECONDS)
            self._wake.clear()
            self._awaited.clear()
            if (awaited := self._ring_all()) > 0:
                quiet = min(2 * quiet, BUSY_SECONDS) if awaited >= MANY else QUIET_SECONDS
                self._closed.wait(quiet)
        self._ring_all()

    def _ring_all(self) -> int:
        """Rings with what came together; how many commits of it somebody waits for."""
        with self._lock:
            news, self._news = self._news, News()
            awaited, self._number_awaited = self._number_awaited, 0
        if news:
            self._ring(news)
        return awaited

    def _ring(self, news: News) -> None:
        for n, bell in enumerate(self._bells):
            try:
                bell.ring(news)
            except Exception as error:  # whatever a broker's or a database's client raises
                if n not in self._silent:
                    logger.warning("doorbell.silent", extra={"bell": type(bell).__name__, "reason": str(error)})
                self._silent.add(n)
            else:
                if n in self._silent:
                    logger.info("doorbell.rings_again", extra={"bell": type(bell).__name__})
                self._silent.discard(n)


# What rings workers of queues, from an app above this one (Celery): given the queues, it makes the bell.
make_worker_bell: Callable[[Callable[[], Sequence[str]]], Doorbell] | None = None


def plug(make: Callable[[Callable[[], Sequence[str]]], Doorbell] | None) -> None:
    """Called once, when the app is ready and a broker is configured."""
    global make_worker_bell
    make_worker_bell = make


class MakeExchange(Protocol):
    """``for_workers``: nobody else rings for ready runs. ``heard`` is called with what other processes ring."""

    def __call__(self, origin: str, heard: Callable[[News], None], *, for_workers: bool) -> Doorbell: ...


# What carries news between all processes beside the database, from an app above this one (Channels).
make_exchange: MakeExchange | None = None


def plug_exchange(make: MakeExchange | None) -> None:
    """Called once, when the app is ready and a channel layer is configured."""
    global make_exchange
    make_exchange = make
