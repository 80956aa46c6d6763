"""The end of a loop: what still runs there is cancelled and waited for, so that author code cleans up."""

import asyncio
import logging
from time import monotonic

logger = logging.getLogger(__name__)
GRACE_SECONDS = 1.0  # for what was told to end already
INSISTING_SECONDS = 1.0  # with code that swallows its cancellation
AGAIN_SECONDS = 0.05


def end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """From another thread, while the loop runs; what outlives it is told in the log."""
    ending = asyncio.run_coroutine_threadsafe(_end_tasks(), loop)
    try:
        ending.result(GRACE_SECONDS + 2 * INSISTING_SECONDS)
    except TimeoutError:
        logger.warning("engine.loop_blocked")


async def _end_tasks() -> None:
    if left := _others():
        await asyncio.wait(left, timeout=GRACE_SECONDS)
    until = monotonic() + INSISTING_SECONDS
    while (left := _others()) and monotonic() < until:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=AGAIN_SECONDS)
    if left:
        logger.warning("engine.code_goes_on", extra={"tasks": len(left)})


def _others() -> set["asyncio.Task[object]"]:
    return asyncio.all_tasks() - {asyncio.current_task()}
