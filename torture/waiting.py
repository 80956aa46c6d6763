"""Waiting for other processes, by a deadline."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T | None], *, within_seconds: float, every_seconds: float = 0.05) -> T | None:
    """The first true answer of ``look``; its last one when there is none in time."""
    deadline = monotonic() + within_seconds
    pause = Event()
    while not (answer := look()) and monotonic() < deadline:
        pause.wait(every_seconds)
    return answer
