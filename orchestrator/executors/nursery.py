"""Where child processes come from: started, limited, measured, and ended."""

import asyncio
import logging
from contextlib import suppress
from contextvars import Context
from time import monotonic

from orchestrator.core.machines import Machine
from orchestrator.executors.cgroups import Cgroup, Cgroups
from orchestrator.executors.places import NoPlace, find_place
from orchestrator.executors.process import Child
from orchestrator.executors.usage import processes, usage
from orchestrator.executors.ward import Tell, Ward
from orchestrator.executors.warden import Warden

logger = logging.getLogger(__name__)
SAMPLE_SECONDS = 1.0
SPARE_SECONDS = 60.0  # an idle spare process is ended after that
TIDY_SECONDS = 0.2  # until processes that were killed have ended
TIDY_TRIES = 10


class Nursery:
    """``processes``: how many may execute at once; ``spare``: one more stands ready. Lives on the engine's loop."""

    def __init__(self, processes: int, *, spare: bool) -> None:
        self.slots = asyncio.Semaphore(processes)
        self._keeps_spare = spare
        self._wards: set[Ward] = set()
        self._warden: Warden | None = None
        self._probed = False
        self._refused = False  # that a cgroup could not be made was said
        self._cgroups: Cgroups | None = None
        self._spare: asyncio.Task[Ward] | None = None
        self._spare_ends: asyncio.TimerHandle | None = None
        self._sampling: asyncio.Task[None] | None = None
        self._dismissed: asyncio.Task[None] | None = None
        self._closed = False

    async def take(self, machine: Machine | None, tell: Tell) -> Ward:
        """A child with these limits, ready for its run; ``tell`` hears what it uses. Raises OSError."""
        ward = await self._take_spare() or await self._spawn()
        ward.begin(machine, tell)
        self._wards.add(ward)
        if self._sampling is None or self._sampling.done():
            self._sampling = asyncio.create_task(self._sample())
        return ward

    def leave(self, ward: Ward) -> None:
        """The child has ended."""
        self._wards.discard(ward)
        if self._warden is not None:
            self._warden.ended(ward.child.pid)
        if self._cgroups is not None and ward.cgroup is not None:
            self._cgroups.remove(ward.cgroup)
            self._tidy(TIDY_TRIES)

    @property
    def spare_pid(self) -> int | None:
        """The process that waits for a run, None while there is none."""
        return self._spare.result().child.pid if self._spare is not None and self._spare.done() else None

    @property
    def idle(self) -> bool:
        """No process lives, the spare one included once it was told to end."""
        return not self._wards and (self._dismissed is None or self._dismissed.done())

    def close(self) -> None:
        """To be called when no more children are taken; it is idle a little later."""
        self._closed = True
        if self._spare_ends is not None:
            self._spare_ends.cancel()
        if self._sampling is not None:
            self._sampling.cancel()
        self._end_spare()

    def dismiss_warden(self) -> None:
        if self._warden is not None:
            self._warden.close()
        if self._cgroups is not None:
            self._cgroups.close()
            self._cgroups = None

    async def _spawn(self) -> Ward:
        if not self._probed:
            self._probed, self._cgroups = True, _find_cgroups()
        if self._warden is None:
            self._warden = Warden(self._cgroups.path if self._cgroups is not None else None)
        child = await Child.spawn()
        self._warden.begun(child.pid)
        return Ward(child, self._cgroup_for(child))

    # The cgroups: the child is in its own before it has allocated anything, so that all of it counts.

    def _cgroup_for(self, child: Child) -> Cgroup | None:
        if self._cgroups is None:
            return None
        try:
            return self._cgroups.make(child.pid)
        except OSError as error:
            if child.lives and not self._refused:
                self._refused = True
                _say_without(str(error))
            return None

    def _tidy(self, tries: int) -> None:
        if self._cgroups is not None and not self._cgroups.tidy() and tries:
            asyncio.get_running_loop().call_later(TIDY_SECONDS, self._tidy, tries - 1)

    # The spare: a process that has set itself up and waits for its run.

    async def _take_spare(self) -> Ward | None:
        task, self._spare = self._spare, None
        if task is None:
            return None
        try:
            ward = await task
        except OSError:
            return None
        if ward.child.lives:
            return ward
        await ward.child.ended()
        self.leave(ward)
        return None

    def renew_spare(self) -> None:
        """Keeps a process ready for the next run, for a while."""
        if self._closed or not self._keeps_spare:
            return
        if self._spare is None:
            self._spare = asyncio.create_task(self._spawn(), context=Context())
        if self._spare_ends is not None:
            self._spare_ends.cancel()
        self._spare_ends = asyncio.get_running_loop().call_later(SPARE_SECONDS, self._end_spare)

    def _end_spare(self) -> None:
        task, self._spare = self._spare, None
        if task is not None:
            self._dismissed = asyncio.create_task(self._dismiss(task))

    async def _dismiss(self, spare: "asyncio.Task[Ward]") -> None:
        with suppress(OSError):
            ward = await spare
            ward.child.kill()
            await ward.child.ended()
            self.leave(ward)

    # Measuring

    async def _sample(self) -> None:
        while self._wards:
            uncounted = {ward.child.pid for ward in self._wards if ward.cgroup is None}
            used = usage(uncounted, await asyncio.to_thread(processes)) if uncounted else {}
            moment = monotonic()
            for ward in tuple(self._wards):
                if ward.cgroup is not None:
                    ward.measured(ward.cgroup.used, moment)
                elif ward.child.pid in used:
                    ward.measured(used[ward.child.pid], moment)
            await asyncio.sleep(SAMPLE_SECONDS)


def _find_cgroups() -> Cgroups | None:
    try:
        found = Cgroups(find_place())
    except (NoPlace, OSError) as error:
        _say_without(str(error))
        return None
    logger.info("isolation.cgroups", extra={"below": str(found.path)})
    return found


def _say_without(reason: str) -> None:
    logger.warning("isolation.without_cgroups", extra={"reason": reason, "limits": "whole cores, memory by looking"})
