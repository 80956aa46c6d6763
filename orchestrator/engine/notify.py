"""PostgreSQL's LISTEN and NOTIFY as a doorbell: every process of the installation hears what the others committed."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson
import psycopg

from orchestrator.engine.bell import Change
from orchestrator.engine.doorbell import News

logger = logging.getLogger(__name__)
CHANNEL = "signalbox"
CHUNK = 100  # runs or changes in one message: PostgreSQL takes at most 8,000 bytes
LISTEN_SECONDS = 1.0
RECONNECT_SECONDS = 2.0


class NotifyBell:
    """``origin`` tells this process's own messages. ``for_workers``: nobody else rings for ready runs."""

    def __init__(self, params: Mapping[str, Any], origin: str, *, for_workers: bool) -> None:
        self._params = params
        self._origin = origin
        self._for_workers = for_workers
        self._raw: psycopg.Connection[Any] | None = None

    def ring(self, news: News) -> None:
        if self._raw is None or self._raw.closed:
            self._raw = psycopg.connect(**self._params, autocommit=True)
        for payload in self._payloads(news):
            self._raw.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()

    def _payloads(self, news: News) -> Iterator[str]:
        runs, changes = sorted(news.runs), [tuple(change) for change in news.changes.values()]
        ready = news.ready and self._for_workers
        for start in range(0, max(len(runs), len(changes), int(ready)), CHUNK):
            part = slice(start, start + CHUNK)
            message = {"from": self._origin, "ready": ready and not start, "runs": runs[part], "changes": changes[part]}
            yield orjson.dumps(message).decode()


class Listener:
    """A thread that tells ``heard`` what others have committed. After a gap ``heard`` is told to look for itself."""

    def __init__(self, params: Mapping[str, Any], origin: str, heard: Callable[[News], None]) -> None:
        self._params = params
        self._origin = origin
        self._heard = heard
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="signalbox-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(**self._params, autocommit=True) as raw:
                    self._listen(raw)
            except Exception as error:  # whatever the driver raises while its server is down
                logger.warning("doorbell.deaf", extra={"reason": str(error)})
                self._stop.wait(RECONNECT_SECONDS)

    def _listen(self, raw: "psycopg.Connection[Any]") -> None:
        raw.execute(f"LISTEN {CHANNEL}")
        self._heard(News(ready=True))  # what rang before is not repeated
        while not self._stop.is_set():
            for notify in raw.notifies(timeout=LISTEN_SECONDS):
                with suppress(ValueError, KeyError, TypeError):  # somebody else's message
                    self._tell(orjson.loads(notify.payload))

    def _tell(self, message: dict[str, Any]) -> None:
        if message["from"] != self._origin:
            changes = {change[0]: Change(*change) for change in message["changes"]}
            self._heard(News(message["ready"], set(message["runs"]), changes))
