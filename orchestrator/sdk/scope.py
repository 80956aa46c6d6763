"""Where the running code is: in which run, in which step."""

from contextvars import ContextVar
from typing import Any, NamedTuple


class Scope(NamedTuple):
    """``invocation`` of the run; ``step`` and ``attempt`` when a step's body runs."""

    invocation: Any
    step: str = ""
    attempt: int = 0


CURRENT: ContextVar[Scope | None] = ContextVar("signalbox_scope", default=None)
