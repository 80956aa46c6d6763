"""A closed loop: so many runs in flight, and the next one is begun when one has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter


async def saturate(
    one: Callable[[], Awaitable[None]],
    *,
    runs: int,
    in_flight: int,
    limit_seconds: float,
    settle: Callable[[int], Awaitable[None]] | None = None,
) -> float:
    """Runs a second; ``one`` begins a run and answers when it has ended, ``settle`` when so many are durably over."""
    begun, begin = 0, perf_counter()

    async def lane() -> None:
        nonlocal begun
        while begun < runs and perf_counter() - begin < limit_seconds:
            begun += 1
            await one()

    await asyncio.gather(*(lane() for _ in range(in_flight)))
    if settle is not None:
        await settle(begun)
    return begun / (perf_counter() - begin)
