"""Signals that a live run has received before it waits for them."""

from collections.abc import Iterable
from typing import Any

Letter = tuple[int, str, Any]  # number, name, payload


class Mailbox:
    """The oldest of a name is taken first."""

    def __init__(self, letters: Iterable[Letter]) -> None:
        self._letters = list(letters)

    def take(self, name: str) -> tuple[int, Any] | None:
        for n, (number, known, payload) in enumerate(self._letters):
            if known == name:
                del self._letters[n]
                return number, payload
        return None

    def add(self, letters: Iterable[Letter], awaited: Iterable[str]) -> None:
        """``awaited``: names of waits that are on their way; the database gives each of those the oldest letter."""
        names = list(awaited)
        for letter in letters:
            if letter[1] in names:
                names.remove(letter[1])
            else:
                self._letters.append(letter)
