"""Places where tests let the process die or the connection break: ``SIGNALBOX_FAILPOINTS="before_commit=kill@5"``.

Never active unless that variable is set, and not in production. Actions: ``kill`` (SIGKILL to itself), ``cut`` (the
connection is closed), ``fail`` (an exception). ``@n``: at the n-th time, counted from 1; ``/n``: at every n-th time.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

VARIABLE = "SIGNALBOX_FAILPOINTS"
PRODUCTION = os.environ.get("SIGNALBOX_ENV") == "production"


class FailpointError(RuntimeError):
    """What a ``fail`` raises."""


@dataclass(slots=True)
class Failpoint:
    action: str
    at: int
    again: bool = False
    seen: int = 0

    def is_now(self) -> bool:
        self.seen += 1
        return self.seen % self.at == 0 if self.again else self.seen == self.at


def _parse(text: str) -> dict[str, Failpoint]:
    points = {}
    for part in filter(None, text.split(",")):
        name, _, rest = part.partition("=")
        again = "/" in rest
        action, _, at = rest.partition("/" if again else "@")
        points[name.strip()] = Failpoint(action, int(at or 1), again)
    return points


_points = _parse("" if PRODUCTION else os.environ.get(VARIABLE, ""))


def arm(text: str) -> None:
    """Sets the failpoints of this process, in place of those of the environment."""
    _points.clear()
    _points.update(_parse(text))


def hit(name: str, cut: Callable[[], None]) -> None:
    """Does what was armed for this place; ``cut`` breaks the connection."""
    if not _points or (point := _points.get(name)) is None:
        return
    if not point.is_now():
        return
    match point.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "cut":
            cut()
        case "fail":
            raise FailpointError(name)
