"""Whether an execution reaches its recorded steps in the order in which a former one did."""


class StepOrder:
    """Follows a function without branches: with them, the order of steps is nobody's fault."""

    def __init__(self) -> None:
        self._last = ""
        self._highest = 0

    def reach(self, key: str, ordinal: int) -> str | None:
        """The step that was reached before this one though it is recorded after it."""
        if ordinal < self._highest:
            return self._last
        self._last, self._highest = key, ordinal
        return None
