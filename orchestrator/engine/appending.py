"""Appending what a run says: a database that cannot take writes now makes the run wait, not fail."""

import asyncio
import time

from orchestrator.core.errors import EngineUnavailable
from orchestrator.engine.journal.items import Checkpoint
from orchestrator.engine.journal.port import Journal

UNAVAILABLE_SECONDS = 0.5  # between two tries on a full or read-only disk


async def append_when_possible(journal: Journal, checkpoint: Checkpoint) -> None:
    """After a first try that failed. Raises LeaseLost, SessionLost when the run is another's by now."""
    while True:
        await asyncio.sleep(UNAVAILABLE_SECONDS)
        try:
            await journal.append(checkpoint)
            return
        except EngineUnavailable:
            continue


def submit_when_possible(journal: Journal, checkpoint: Checkpoint) -> None:
    """The same from a thread."""
    while True:
        try:
            journal.submit(checkpoint).result()
            return
        except EngineUnavailable:
            time.sleep(UNAVAILABLE_SECONDS)
