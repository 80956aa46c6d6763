"""Waiting for runs to end without a thread: by this process's bell, and by a look now and then for ends elsewhere."""

import asyncio
import threading
from collections.abc import Callable, Collection, Sequence
from contextvars import Context
from dataclasses import dataclass, field

from asgiref.sync import sync_to_async
from django.db import connections

from orchestrator.api.queries.rows import rows
from orchestrator.conf import settings
from orchestrator.core.ops import Status
from orchestrator.engine import bell
from orchestrator.models import Run

LOOK_AGAIN_SECONDS = 2.0
IDS_A_QUERY = 500


@dataclass(slots=True)
class Room:
    """Who waits on one event loop, by run, and the task that looks again."""

    waiting: dict[str, set[asyncio.Future[None]]] = field(default_factory=dict)
    watch: asyncio.Task[None] | None = None
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    asked: set[str] = field(default_factory=set)
    next_look: "asyncio.Task[dict[str, int]] | None" = None


class Ends:
    """Nobody waiting, nothing subscribed, no timer; a thousand waiting, one query every two seconds."""

    def __init__(self, look_again_seconds: float = LOOK_AGAIN_SECONDS) -> None:
        self._look_again_seconds = look_again_seconds
        self._lock = threading.Lock()
        self._rooms: dict[asyncio.AbstractEventLoop, Room] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self._released = False

    async def wait(self, env: int, run_id: str, seconds: float) -> None:
        """Returns when the run of that environment has ended, after ``seconds``, and at once when there is none."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        self._join(loop, run_id, ended)
        try:
            # The rows are read after joining, so that no end is missed between the two.
            if not self._released and await self._env_of(loop, run_id) == env:
                await asyncio.wait({ended}, timeout=seconds)
        finally:
            self._leave(loop, run_id, ended)

    def release(self) -> None:
        """Lets everybody on the running loop go, and nobody wait any more: the process ends."""
        self._released = True
        room = self._rooms.get(asyncio.get_running_loop(), Room())
        _wake(room, tuple(room.waiting))

    async def _env_of(self, loop: asyncio.AbstractEventLoop, run_id: str) -> int | None:
        """The environment of a run that has not ended: all that come while one query is under way share the next."""
        room = self._rooms[loop]
        room.asked.add(run_id)
        room.next_look = room.next_look or loop.create_task(_look(room))
        return (await asyncio.shield(room.next_look)).get(run_id)

    def _join(self, loop: asyncio.AbstractEventLoop, run_id: str, ended: asyncio.Future[None]) -> None:
        with self._lock:
            room = self._rooms.setdefault(loop, Room())
            room.waiting.setdefault(run_id, set()).add(ended)
            room.watch = room.watch or loop.create_task(self._look_again(room))
            self._unsubscribe = self._unsubscribe or bell.subscribe(self._heard)

    def _leave(self, loop: asyncio.AbstractEventLoop, run_id: str, ended: asyncio.Future[None]) -> None:
        with self._lock:
            room = self._rooms[loop]
            room.waiting[run_id].discard(ended)
            if not room.waiting[run_id]:
                del room.waiting[run_id]
            if not room.waiting and room.watch:
                room.watch.cancel()
                del self._rooms[loop]
            if not self._rooms and self._unsubscribe:
                self._unsubscribe()
                self._unsubscribe = None

    def _heard(self, changes: Sequence[bell.Change]) -> None:
        ended = {change.run for change in changes if change.status and Status(change.status).final}
        with self._lock:
            for loop, room in self._rooms.items():
                if not loop.is_closed() and (mine := ended & room.waiting.keys()):
                    # A context of its own: the committing thread's one would say that asgiref's executor is busy.
                    loop.call_soon_threadsafe(_wake, room, mine, context=Context())

    async def _look_again(self, room: Room) -> None:
        while True:
            await asyncio.sleep(self._look_again_seconds)
            asked = list(room.waiting)
            going = await sync_to_async(_going)(asked)
            _wake(room, [run_id for run_id in asked if run_id not in going])


async def _look(room: Room) -> dict[str, int]:
    async with room.looking:
        asked, room.asked, room.next_look = list(room.asked), set(), None
        return await sync_to_async(_going)(asked)


def _wake(room: Room, runs: Collection[str]) -> None:
    for run_id in runs:
        for future in room.waiting.get(run_id, ()):
            if not future.done():
                future.set_result(None)


def _going(ids: Sequence[str]) -> dict[str, int]:
    """The environments of those of the runs that are there and have not ended."""
    connection = connections[settings().database]
    if not connection.in_atomic_block:  # no request's signals drop a connection that went stale
        connection.close_if_unusable_or_obsolete()
    going: dict[str, int] = {}
    for start in range(0, len(ids), IDS_A_QUERY):
        found = rows(Run).filter(ended_at=None, id__in=ids[start : start + IDS_A_QUERY])
        going.update(found.values_list("id", "env"))
    return going


ends = Ends()
