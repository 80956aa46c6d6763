"""Waiting for another process or thread, by a deadline instead of a guess."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T | None], *, within_seconds: float = 30, every_seconds: float = 0.02) -> T:
    """The first true answer of ``look``. Raises AssertionError when there is none in time, with the last answer."""
    deadline = monotonic() + within_seconds
    pause = Event()
    while True:
        answer = look()
        if answer:
            return answer
        if monotonic() > deadline:
            raise AssertionError(f"not within {within_seconds} s; the last answer of {look} was {answer!r}")
        pause.wait(every_seconds)
