"""Signals that a live run has received before it waits for them."""

import threading
from collections.abc import Iterable
from typing import Any

Letter = tuple[int, str, Any]  # number, name, payload


class Mailbox:
    """The oldest of a name is taken first. What the database gives to a wait that opens on mail is not kept here."""

    def __init__(self, letters: Iterable[Letter]) -> None:
        self._letters = list(letters)
        self._without: dict[str, str] = {}  # waits on their way that have no letter yet: key and name
        self._lock = threading.Lock()  # waits are opened by body threads, too

    def take(self, name: str) -> tuple[int, Any] | None:
        with self._lock:
            return self._take(name)

    def _take(self, name: str) -> tuple[int, Any] | None:
        for n, (number, known, payload) in enumerate(self._letters):
            if known == name:
                del self._letters[n]
                return number, payload
        return None

    def opened(self, key: str, name: str) -> None:
        """A wait goes to the database, which gives it the oldest letter that came before it, and no other."""
        with self._lock:
            if self._take(name) is None:
                self._without[key] = name

    def settled(self, key: str) -> None:
        with self._lock:
            self._without.pop(key, None)

    def add(self, letters: Iterable[Letter]) -> None:
        """What was received while no wait of the name was in the database."""
        with self._lock:
            for letter in letters:
                key = next((key for key, name in self._without.items() if name == letter[1]), None)
                if key is None:
                    self._letters.append(letter)
                else:
                    del self._without[key]
