"""The shapes of what the API says of pauses, and of what it is asked."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from orchestrator.api.requests import Body
from orchestrator.api.text import Label, Note
from orchestrator.api.values import Moment
from orchestrator.core.pausing import PauseKind


@dataclass(frozen=True, slots=True)
class Pause:
    """A function, a queue or the environment whose runs stay queued."""

    kind: PauseKind
    name: Annotated[str, Field(description="Empty for the environment.")]
    note: str
    actor: Annotated[str, Field(description="Who paused it.")]
    at: Moment
    waiting: Annotated[int, Field(description="Runs that it holds back now; 1,000 stands for more.")]


@dataclass(frozen=True, slots=True)
class PauseTarget:
    """What was paused or resumed."""

    kind: PauseKind
    name: str


class PauseBody(Body):
    """What to pause or to resume."""

    kind: PauseKind
    name: Annotated[Label, Field(description="Of the function or queue; left out for the environment.")] = ""
    note: Annotated[Note, Field(description="Why, for whoever asks.")] = ""
