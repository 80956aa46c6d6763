"""Channels' layer as a doorbell between processes, where PostgreSQL's LISTEN and NOTIFY cannot be used."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from channels.layers import get_channel_layer

from orchestrator.conf import settings
from orchestrator.engine.doorbell import News, from_message, to_messages

logger = logging.getLogger(__name__)
GROUP = "signalbox"
RING_SECONDS = 1.0
RECONNECT_SECONDS = 2.0
PARTING_SECONDS = 1.0


class LayerExchange:
    """Rings by sending to a group that every process is in; it hears the others in a thread of its own.

    ``for_workers``: nobody else rings for ready runs.
    """

    def __init__(self, origin: str, heard: Callable[[News], None], *, for_workers: bool) -> None:
        self._origin = origin
        self._heard = heard
        self._for_workers = for_workers
        self._layer: Any = get_channel_layer(settings().channel_layer)
        self._loop = asyncio.new_event_loop()
        self._listening: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="signalbox-layer", daemon=True)
        self._thread.start()

    def ring(self, news: News) -> None:
        for message in to_messages(news if self._for_workers else replace(news, ready=0), self._origin):
            sending = self._layer.group_send(GROUP, {"type": "signalbox.news", "news": message})
            sent = asyncio.run_coroutine_threadsafe(sending, self._loop)
            try:
                sent.result(RING_SECONDS)
            finally:
                sent.cancel()

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end)
            self._thread.join(PARTING_SECONDS)

    def _end(self) -> None:
        if self._listening is not None:
            self._listening.cancel()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._listening = self._loop.create_task(self._listen())
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._listening)
        with suppress(Exception):  # the layer's connections end with its loop; a server that is away cannot be told
            self._loop.close()

    async def _listen(self) -> None:
        while True:
            try:
                channel = await self._layer.new_channel()
                await self._layer.group_add(GROUP, channel)
                self._heard(News(ready=1))  # what rang before is not repeated
                while True:
                    self._take(await self._layer.receive(channel))
            except Exception as error:  # whatever the layer's client raises while its server is down
                logger.warning("doorbell.deaf", extra={"bell": type(self).__name__, "reason": str(error)})
                await asyncio.sleep(RECONNECT_SECONDS)

    def _take(self, message: dict[str, Any]) -> None:
        with suppress(KeyError, TypeError):  # somebody else's message
            if news := from_message(message["news"], self._origin):
                self._heard(news)
