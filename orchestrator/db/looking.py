"""Looks at a database that may not answer: one at a time, over a connection of their own, in bounded time."""

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

import psycopg
from django.db import InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

T = TypeVar("T")
CONNECT_SECONDS = 2  # of each address of the server's name


def _nothing() -> None:
    pass


class Look(Generic[T]):
    """``see`` looks, in a thread; whoever asks while it does shares the answer. The connection is kept for the next.

    ``lost`` is told when a connection that was kept turns out to be lost: others' will be as well.
    """

    def __init__(self, alias: str, see: Callable[[BaseDatabaseWrapper], T], lost: Callable[[], None] = _nothing):
        self._alias = alias
        self._see = see
        self._lost = lost
        self._guard = threading.Lock()
        self._under_way: Future[T] | None = None
        self._wrapper: BaseDatabaseWrapper | None = None

    def ask(self, within_seconds: float) -> T:
        """What ``see`` says. Raises DatabaseError: its own, or one when there is no answer in time."""
        with self._guard:
            answer = self._under_way or self._begin()
        try:
            return answer.result(within_seconds)
        except TimeoutError:
            self._give_up(answer)
            raise OperationalError(f"the database does not answer within {within_seconds} s") from None

    def close(self) -> None:
        """Nobody asks any more."""
        if self._wrapper is not None:
            self._wrapper.close()

    def _begin(self) -> "Future[T]":
        if self._wrapper is None:
            self._wrapper = _apart(self._alias)
        answer: Future[T] = Future()
        self._under_way = answer
        threading.Thread(target=self._look, args=(answer, self._wrapper), name="database look", daemon=True).start()
        return answer

    def _look(self, answer: "Future[T]", wrapper: BaseDatabaseWrapper) -> None:
        try:
            seen = self._see_anew(wrapper)
        except Exception as error:  # it is raised where somebody asked
            wrapper.close()
            self._ended(answer, wrapper)
            answer.set_exception(error)
        else:
            self._ended(answer, wrapper)
            answer.set_result(seen)

    def _see_anew(self, wrapper: BaseDatabaseWrapper) -> T:
        kept = wrapper.connection is not None
        try:
            return self._see(wrapper)
        except (OperationalError, InterfaceError):
            if not kept:
                raise
        wrapper.close()
        self._lost()
        return self._see(wrapper)  # it was started anew meanwhile

    def _ended(self, answer: "Future[T]", wrapper: BaseDatabaseWrapper) -> None:
        with self._guard:
            if self._under_way is answer:
                self._under_way = None
                return
        wrapper.close()

    def _give_up(self, answer: "Future[T]") -> None:
        """The look ends with an error, if it waits for the server; the next one has another connection."""
        with self._guard:
            if self._under_way is not answer:
                return
            stuck, self._under_way, self._wrapper = self._wrapper, None, None
        if stuck is not None and stuck.vendor == "postgresql" and stuck.connection is not None:
            _cut(stuck.connection)


def _apart(alias: str) -> BaseDatabaseWrapper:
    """A connection beside those of Django's threads and of its pool, which may be taken or waited for."""
    wrapper = connections[alias].copy()
    if wrapper.vendor == "postgresql":
        options = wrapper.settings_dict["OPTIONS"]
        options.pop("pool", None)
        options["connect_timeout"] = CONNECT_SECONDS
    wrapper.inc_thread_sharing()  # each look is a thread, one after the other
    return wrapper


def _cut(connection: Any) -> None:
    """Whoever reads from it hears that the server has closed it."""
    gone = suppress(OSError, ValueError, psycopg.Error)  # it is closed already
    with gone, socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)
