"""Who waits for an item, on a loop or in a thread, and how all of a batch are answered at once."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.journal.items import Item

Waiter = asyncio.Future[Any] | Future[Any]


@dataclass(slots=True, eq=False)
class Ticket:
    item: Item
    future: Waiter
    loop: asyncio.AbstractEventLoop | None
    answered: bool = False


def answer_all(tickets: Sequence[Ticket], answers: Sequence[Any]) -> None:
    """Answers every ticket that was not answered yet: one thread hop a loop, however many wait on it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Waiter, Any]]] = {}
    for ticket, answer in zip(tickets, answers, strict=True):
        if ticket.answered:
            continue
        ticket.answered = True
        if ticket.loop is None:
            _resolve([(ticket.future, answer)])
        else:
            by_loop.setdefault(ticket.loop, []).append((ticket.future, answer))
    for loop, pairs in by_loop.items():
        _on_loop(loop, pairs)


def _on_loop(loop: asyncio.AbstractEventLoop, pairs: list[tuple[Waiter, Any]]) -> None:
    resolve: Callable[[list[tuple[Waiter, Any]]], None] = _resolve
    try:
        loop.call_soon_threadsafe(resolve, pairs)
    except RuntimeError:  # the loop was closed while its items were being committed: nobody waits any more
        return


def _resolve(pairs: list[tuple[Waiter, Any]]) -> None:
    for future, answer in pairs:
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
