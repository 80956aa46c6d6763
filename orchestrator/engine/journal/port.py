"""What the engine needs of a journal, whichever it is."""

import asyncio
from concurrent.futures import Future
from typing import Any, Protocol

from orchestrator.engine.journal.items import Item
from orchestrator.engine.journal.tx import Leftovers


class Asked(Protocol):
    """As much of it as a thread needs."""

    owner: str

    def submit(self, item: Item) -> "Future[Any]": ...


class Journal(Asked, Protocol):
    leftovers: Leftovers

    def append(self, item: Item) -> "asyncio.Future[Any]": ...
    def close(self, timeout_seconds: float | None = None) -> None: ...
