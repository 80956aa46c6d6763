"""What the engine needs of a journal, whichever it is."""

import asyncio
from concurrent.futures import Future
from typing import Any, Protocol

from orchestrator.engine.journal.items import Item


class Journal(Protocol):
    owner: str

    def append(self, item: Item) -> "asyncio.Future[Any]": ...
    def submit(self, item: Item) -> "Future[Any]": ...
    def close(self) -> None: ...
