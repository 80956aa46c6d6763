"""What is paused, and for whom that holds."""

from dataclasses import dataclass
from enum import StrEnum

GATE = "pause:"  # begins the gate of a run that a pause holds


class PauseKind(StrEnum):
    FUNCTION = "function"
    QUEUE = "queue"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Paused:
    """A function, a queue or an environment whose runs stay queued; an environment has no ``name``."""

    env: int
    kind: PauseKind
    name: str = ""

    @property
    def key(self) -> str:
        """The gate at which its runs wait."""
        return f"{GATE}{self.env}:{self.kind}:{self.name}"

    def holds(self, env: int, function: str, queue: str) -> bool:
        if env != self.env:
            return False
        match self.kind:
            case PauseKind.FUNCTION:
                return function == self.name
            case PauseKind.QUEUE:
                return queue == self.name
            case PauseKind.ENVIRONMENT:
                return True


def reason(kind: PauseKind, actor: str, note: str) -> str:
    """Why a run waits, such as ``Paused: its function is paused by ann: deploy at noon``."""
    by = f" by {actor}" if actor else ""
    return f"Paused: its {kind} is paused{by}" + (f": {note}" if note else "")
