"""Code of an async run that awaits something outside its steps: found by a slow look, at no cost for the run."""

import asyncio
from contextvars import Context
from time import monotonic
from types import FrameType
from typing import Any, NamedTuple

from orchestrator.sdk.branches import RunTask
from orchestrator.sdk.drivers import drive
from orchestrator.sdk.frames import author_frame, chain, place
from orchestrator.sdk.invocation import Invocation

LOOK_SECONDS = 2.0
LONG_SECONDS = 1.0
FED_BY_BRANCHES = ("/asyncio/locks.py", "/asyncio/queues.py")


class Seen(NamedTuple):
    """A task that awaited something outside its steps when it was looked at."""

    awaited: Any
    entered: int  # steps of the run that had begun
    since: float


class OutsideLook:
    """Compares what the tasks of a run await now with what they awaited at the last look."""

    def __init__(self, inv: Invocation) -> None:
        self._inv = inv
        self._seen: dict[RunTask, Seen] = {}

    def warn(self) -> None:
        if self._inv.dead or self._inv.branches.all_parked:
            self._seen = {}
            return
        frame = self._long_outside()
        if frame is None:
            return
        message = (
            f"{place(frame)} has awaited something outside its steps for over a second. Its result is not kept: a later"
            " execution does it again, and the run cannot rest meanwhile. Put it into ctx.step.run(...), or wait by"
            " ctx.step.sleep(...)"
        )
        self._inv.warn("outside", message)

    def _long_outside(self) -> FrameType | None:
        now, entered = monotonic(), self._inv.entered
        former, self._seen = self._seen, {}
        found: FrameType | None = None
        for task in self._inv.branches.tasks:
            if not self._is_outside(task):
                continue
            awaited = task.watched.at
            was = former.get(task)
            # Each await of a loop is a new one: then no step may have begun between the looks.
            same = was is not None and (was.awaited is awaited or was.entered == entered)
            since = was.since if was is not None and same else now
            self._seen[task] = Seen(awaited, entered, since)
            if was is not None and now - since >= LONG_SECONDS:
                found = found or author_frame(task.watched.coroutine)
        return found

    def _is_outside(self, task: RunTask) -> bool:
        watched = task.watched
        if task.done() or watched.in_body or watched.at is None or self._inv.branches.rests(task):
            return False
        links = list(chain(watched.coroutine))
        # What awaits an async generator hides what that awaits, which may be a step.
        if _in_step(links) or not links or type(links[-1].cr_await).__name__ != "FutureIter":
            return False
        return not (links[-1].cr_code.co_filename.endswith(FED_BY_BRANCHES) and self._others_in_steps(task))

    def _others_in_steps(self, task: RunTask) -> bool:
        others = (one for one in self._inv.branches.tasks if one is not task and not one.done())
        return any(other.watched.in_body or _in_step(list(chain(other.watched.coroutine))) for other in others)


def _in_step(links: list[Any]) -> bool:
    return any(link.cr_code is drive.__code__ for link in links)


class OutsideWatch:
    """Looks at all async executions of a process now and then, while there are any."""

    def __init__(self) -> None:
        self._looks: dict[Invocation, OutsideLook] = {}
        self._armed = False

    def add(self, inv: Invocation) -> None:
        self._looks[inv] = OutsideLook(inv)
        self._arm()

    def remove(self, inv: Invocation) -> None:
        del self._looks[inv]

    def _arm(self) -> None:
        if self._looks and not self._armed:
            self._armed = True
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look, context=Context())  # no run's

    def _look(self) -> None:
        self._armed = False
        for look in list(self._looks.values()):
            look.warn()
        self._arm()
