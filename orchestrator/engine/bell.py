"""Doorbells inside this process: who wants to know that something changed. They may be lost: the truth is stored."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

logger = logging.getLogger(__name__)


class Change(NamedTuple):
    """A run moved on: its journal now reaches ``seq``. ``status`` is None when it did not change."""

    run: str
    seq: int
    status: str | None = None


Listener = Callable[[Sequence[Change]], None]
_listeners: list[Listener] = []


def subscribe(listener: Listener) -> Callable[[], None]:
    """Calls ``listener`` with what changed after each commit, on the committing thread: it must be quick and not raise.

    Returns the function that unsubscribes.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def is_heard() -> bool:
    """Whether anybody in this process wants to know."""
    return bool(_listeners)


def ring(changes: Sequence[Change]) -> None:
    """Tells every listener; one that fails is logged and does not stop the others."""
    for listener in tuple(_listeners):
        try:
            listener(changes)
        except Exception:  # listeners are doors (console): none of them may stop a commit
            logger.exception("bell.listener_failed")
