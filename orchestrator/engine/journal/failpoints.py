"""Places where tests let the process die or the connection break: ``SIGNALBOX_FAILPOINTS="before_commit=kill@5"``.

Never active unless that variable is set. Actions: ``kill`` (SIGKILL to itself), ``cut`` (the connection is closed),
``fail`` (an exception). ``@n``: at the n-th time, counted from 1.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

VARIABLE = "SIGNALBOX_FAILPOINTS"


class FailpointError(RuntimeError):
    """What a ``fail`` raises."""


@dataclass(slots=True)
class Failpoint:
    action: str
    at: int
    seen: int = 0


def _parse(text: str) -> dict[str, Failpoint]:
    points = {}
    for part in filter(None, text.split(",")):
        name, _, rest = part.partition("=")
        action, _, at = rest.partition("@")
        points[name.strip()] = Failpoint(action, int(at or 1))
    return points


_points = _parse(os.environ.get(VARIABLE, ""))


def arm(text: str) -> None:
    """Sets the failpoints of this process, in place of those of the environment."""
    _points.clear()
    _points.update(_parse(text))


def hit(name: str, cut: Callable[[], None]) -> None:
    """Does what was armed for this place; ``cut`` breaks the connection."""
    if not _points or (point := _points.get(name)) is None:
        return
    point.seen += 1
    if point.seen != point.at:
        return
    match point.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "cut":
            cut()
        case "fail":
            raise FailpointError(name)
