"""The console's websocket: subprotocol ``signalbox.1``, many channels, at most two frames unacknowledged on each."""

import asyncio
import itertools
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user_model

from console.auth import may_enter
from console.live.feeds import Feed, Frame, open_feed
from console.live.hub import hub
from orchestrator.engine.runtime import listen
from orchestrator.models.fields import to_micros

logger = logging.getLogger(__name__)

PROTOCOL = "signalbox.1"
ENVIRONMENT = 1
UNACKED_MOST = 2
CHANNELS_MOST = 20
FRAMES_A_SECOND = 60  # a page that comes back subscribes to all it shows at once
FRAME_BYTES = 4_096
LOOK_AGAIN_SECONDS = 5.0
HIDDEN_SECONDS = 5.0
SESSION_LOOKS = 12  # every twelfth look, that is once a minute, also asks whether the visitor may still be here
RETURN_MS = [0, 3_000]  # over which those that are sent away come back
SIGNED_OUT, DRAINED, TOO_MUCH, FAILED = 4401, 4409, 4429, 1011


@dataclass(slots=True, eq=False)
class Channel:
    """A subscription: its cursor, whether something may be new, and how much the client has yet to acknowledge."""

    name: str
    feed: Feed
    dirty: bool = False
    unacked: int = 0
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        for pending in (self.timer, self.task):
            if pending:
                pending.cancel()


class ConsoleConsumer(AsyncWebsocketConsumer):
    """Bells and a look every five seconds mark channels dirty; a dirty channel reads its rows and sends them."""

    channel_layer_alias = ""  # none: the hub brings what it needs, and a layer that is away keeps nobody out

    async def connect(self) -> None:
        self.channels: dict[str, Channel] = {}
        self.visible = True
        self.received: list[float] = []
        self.watch: asyncio.Task[None] | None = None
        await self.accept(PROTOCOL if PROTOCOL in self.scope.get("subprotocols", ()) else None)
        if not await self._signed_in():
            await self.close(SIGNED_OUT)
            return
        await database_sync_to_async(listen)()
        hub.join(self)
        await self._send({"t": "hello", "v": 1, "now": to_micros(datetime.now(UTC)), "hb": 15})

    async def disconnect(self, code: int) -> None:
        hub.leave(self)
        if self.watch:
            self.watch.cancel()
        for channel in self.channels.values():
            channel.stop()
        self.channels.clear()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not text_data or len(text_data) > FRAME_BYTES or self._hurried():
            await self.close(TOO_MUCH)
            return
        try:
            frame = orjson.loads(text_data)
        except orjson.JSONDecodeError:
            frame = None
        if not isinstance(frame, dict):
            await self.close(TOO_MUCH)
            return
        name = str(frame.get("c", ""))
        match frame.get("t"):
            case "sub":
                await self._subscribe(name, frame)
            case "unsub":
                self._drop(name)
            case "ack" if channel := self.channels.get(name):
                channel.unacked = max(0, channel.unacked - 1)
                self._plan(channel)
            case "vis":
                self._look(bool(frame.get("on")))

    def woken(self, runs: frozenset[str]) -> None:
        for channel in self.channels.values():
            if channel.feed.touched(runs):
                self._mark(channel)

    async def farewell(self) -> None:
        """The server ends and another one takes over: the client comes back soon, without a word to the visitor."""
        await self._send({"t": "bye", "code": "drain", "retry": RETURN_MS})
        await self.close(DRAINED)

    async def _subscribe(self, name: str, frame: Frame) -> None:
        if not await self._signed_in():
            await self.close(SIGNED_OUT)
            return
        self._drop(name)
        feed = open_feed(ENVIRONMENT, name, frame)
        if feed is None:
            return
        if len(self.channels) >= CHANNELS_MOST:
            await self.close(TOO_MUCH)
            return
        channel = self.channels[name] = Channel(name, feed)
        self.watch = self.watch or asyncio.create_task(self._look_again())
        self._mark(channel, now=True)

    def _drop(self, name: str) -> None:
        if channel := self.channels.pop(name, None):
            channel.stop()

    def _look(self, visible: bool) -> None:
        self.visible = visible
        if visible:
            for channel in self.channels.values():
                self._mark(channel, now=True)

    def _mark(self, channel: Channel, *, now: bool = False) -> None:
        channel.dirty = True
        if now and channel.timer:
            channel.timer.cancel()
            channel.timer = None
        self._plan(channel, now=now)

    def _plan(self, channel: Channel, *, now: bool = False) -> None:
        """Reads soon, unless a read is planned or on its way, or the client is behind: then the flag is enough."""
        if not channel.dirty or channel.timer or channel.task or channel.unacked >= UNACKED_MOST:
            return
        delay = 0 if now else channel.feed.interval_seconds if self.visible else HIDDEN_SECONDS
        channel.timer = asyncio.get_running_loop().call_later(delay, self._start, channel)

    def _start(self, channel: Channel) -> None:
        channel.timer = None
        channel.task = asyncio.create_task(self._flush(channel))

    async def _flush(self, channel: Channel) -> None:
        channel.dirty = False
        try:
            frame = await database_sync_to_async(channel.feed.read)()
        except Exception:  # whatever the database said: the client comes back and reads again
            logger.exception("live.read_failed", extra={"channel": channel.name})
            await self.close(FAILED)
            return
        if frame is not None:
            # Who is told to read the page anew subscribes anew after it, and until then has no use for anything.
            channel.unacked += UNACKED_MOST if frame["t"] == "r" else 1
            await self._send(frame | {"c": channel.name})
        channel.task = None
        self._plan(channel)

    async def _look_again(self) -> None:
        """A bell may be lost, and in another process none rings: what is not settled is read again now and then."""
        for look in itertools.count(1):
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            if look % SESSION_LOOKS == 0 and not await self._signed_in():
                await self.close(SIGNED_OUT)
                return
            for channel in self.channels.values():
                if not channel.feed.settled:
                    self._mark(channel)

    async def _send(self, frame: Frame) -> None:
        await self.send(text_data=orjson.dumps(frame).decode())

    def _hurried(self) -> bool:
        now = time.monotonic()
        self.received = [moment for moment in self.received if now - moment < 1] + [now]
        return len(self.received) > FRAMES_A_SECOND

    async def _signed_in(self) -> bool:
        return await database_sync_to_async(signed_in)(self.scope)


def signed_in(scope: dict[str, Any]) -> bool:
    """Whether the visitor of this connection still may enter: active, staff, and not signed out meanwhile."""
    user, session = scope.get("user"), scope.get("session")
    if user is None or not user.is_authenticated:
        return False
    if session is not None and session.session_key and not session.exists(session.session_key):
        return False
    known = get_user_model()._default_manager.filter(pk=user.pk).first()
    return known is not None and may_enter(known)
