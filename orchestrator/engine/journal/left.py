"""Runs of functions with limits that were stored here and left to the next claim: none that comes later overtakes them.

In the memory of one journal, written and read by its thread. Another process may let in a run of its own before.
"""

from collections.abc import Iterator

from orchestrator.core.admission import Candidate
from orchestrator.engine.journal.tx import Effects


class Left:
    """By run; a claim that looked at all that waits has seen them."""

    def __init__(self) -> None:
        self._runs: dict[str, Candidate] = {}

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self._runs.values())

    def learn(self, effects: Effects) -> None:
        """A batch was committed. A claim comes last in its batch."""
        if effects.looked:
            self._runs.clear()
        else:
            self._runs.update(effects.left)
