"""PostgreSQL's LISTEN and NOTIFY as a doorbell: every process of the installation hears what the others committed."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import orjson
import psycopg

from orchestrator.engine.bell import is_heard
from orchestrator.engine.doorbell import CHANGES_ONLY, News, from_message, to_messages

logger = logging.getLogger(__name__)
CHANNEL = "signalbox"
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
        for message in to_messages(news if self._for_workers else replace(news, ready=0), self._origin):
            self._raw.execute("SELECT pg_notify(%s, %s)", [CHANNEL, orjson.dumps(message).decode()])

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()


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
        self._heard(News(ready=1))  # what rang before is not repeated
        while not self._stop.is_set():
            for notify in raw.notifies(timeout=LISTEN_SECONDS):
                if CHANGES_ONLY in notify.payload and not is_heard():
                    continue
                news = None
                with suppress(ValueError, KeyError, TypeError):  # somebody else's message
                    news = from_message(orjson.loads(notify.payload), self._origin)
                if news and not self._stop.is_set():
                    self._heard(news)
