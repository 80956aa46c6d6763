"""Places where author code waits for its test."""

import asyncio
from threading import Event

PATIENCE_SECONDS = 30


class Gate:
    """A body passes it when the test opens it; the test learns that a body has come."""

    def __init__(self) -> None:
        self._came = Event()
        self._opened = Event()

    def open(self) -> None:
        self._opened.set()

    def pass_through(self) -> None:
        self._came.set()
        assert self._opened.wait(PATIENCE_SECONDS), "nobody opened the gate"

    async def apass_through(self) -> None:
        self._came.set()
        await asyncio.to_thread(self.pass_through)

    def reached(self) -> bool:
        """Waits until a body has come."""
        assert self._came.wait(PATIENCE_SECONDS), "no body came to the gate"
        return True

    @property
    def was_reached(self) -> bool:
        return self._came.is_set()
