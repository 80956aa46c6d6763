"""Where child processes come from: started, limited, measured, and ended."""

import asyncio
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from time import monotonic

from orchestrator.core.machines import MB, Machine
from orchestrator.executors.cgroups import Cgroup, Cgroups, find_cgroups
from orchestrator.executors.process import Child
from orchestrator.executors.usage import Usage, processes, usage
from orchestrator.executors.warden import Warden

SAMPLE_SECONDS = 1.0
SPARE_SECONDS = 60.0  # an idle spare process is ended after that
# What threads and libraries reserve and never touch. Memory that is touched is measured.
RESERVED_BYTES = 256 * MB

Tell = Callable[[float, int], None]  # percent of a core, bytes


class Ward:
    """A child process that executes a run, and what it may use."""

    def __init__(self, child: Child, machine: Machine | None, cgroup: Cgroup | None, tell: Tell) -> None:
        self.child = child
        self.machine = machine
        self._cgroup = cgroup
        self._tell = tell
        self._highest_bytes = 0
        self._over = False  # it was killed because it held too much
        self._before: tuple[float, float] | None = None  # moment and processor seconds of the last sample

    @property
    def out_of_memory(self) -> bool:
        return self._over or bool(self._cgroup is not None and self._cgroup.oom_kills)

    @property
    def peak_bytes(self) -> int:
        return max(self._highest_bytes, self._cgroup.peak_bytes if self._cgroup is not None else 0)

    def measured(self, used: Usage, moment: float) -> None:
        """A sample: told to whoever watches; a child that holds too much is killed."""
        self._highest_bytes = max(self._highest_bytes, used.memory_bytes)
        if self._before is not None:
            then, seconds = self._before
            percent = 100 * max(0.0, used.cpu_seconds - seconds) / max(moment - then, 0.001)
            self._tell(percent, used.memory_bytes)
        self._before = (moment, used.cpu_seconds)
        # The kernel knows better where it may keep the limit: here memory that processes share counts for each.
        limited = self.machine is not None and self._cgroup is None
        if limited and self.machine is not None and used.memory_bytes > self.machine.memory_bytes:
            self._over = True
            self.child.kill()

    def limit(self) -> None:
        """Before it begins: what it starts inherits these limits."""
        if self.machine is None or sys.platform != "linux":
            return
        with suppress(OSError, ValueError):
            most = self.machine.memory_bytes + RESERVED_BYTES
            resource.prlimit(self.child.pid, resource.RLIMIT_DATA, (most, most))
        if self._enter_cgroup():
            return
        allowed = sorted(os.sched_getaffinity(0))
        if self.machine.cores < len(allowed):
            first = self.child.pid % len(allowed)  # so that not all share the first ones
            with suppress(OSError):
                os.sched_setaffinity(self.child.pid, (allowed[first:] + allowed[:first])[: self.machine.cores])

    def _enter_cgroup(self) -> bool:
        if self._cgroup is None:
            return False
        try:
            self._cgroup.add(self.child.pid)
        except OSError:  # making one is allowed here, moving into it is not
            self._cgroup.remove()
            self._cgroup = None
        return self._cgroup is not None

    def close(self) -> None:
        if self._cgroup is not None:
            self._cgroup.remove()


class Nursery:
    """``processes``: how many may execute at once; ``spare``: one more stands ready. Lives on the engine's loop."""

    def __init__(self, processes: int, *, spare: bool) -> None:
        self.slots = asyncio.Semaphore(processes)
        self._keeps_spare = spare
        self._wards: set[Ward] = set()
        self._warden = Warden()
        self._probed = False
        self._cgroups: Cgroups | None = None
        self._spare: asyncio.Task[Child] | None = None
        self._spare_ends: asyncio.TimerHandle | None = None
        self._sampling: asyncio.Task[None] | None = None
        self._dismissed: asyncio.Task[None] | None = None
        self._closed = False

    async def take(self, machine: Machine | None, tell: Tell) -> Ward:
        """A child with these limits, ready for its run; ``tell`` hears what it uses. Raises OSError."""
        if not self._probed:
            self._probed, self._cgroups = True, find_cgroups()
        child = await self._take_spare() or await self._spawn()
        cgroup = self._cgroups.make(machine) if self._cgroups is not None and machine is not None else None
        ward = Ward(child, machine, cgroup, tell)
        ward.limit()
        self._wards.add(ward)
        if self._sampling is None or self._sampling.done():
            self._sampling = asyncio.create_task(self._sample())
        return ward

    def leave(self, ward: Ward) -> None:
        """The child has ended."""
        self._wards.discard(ward)
        self._warden.ended(ward.child.pid)
        ward.close()

    @property
    def spare_pid(self) -> int | None:
        """The process that waits for a run, None while there is none."""
        return self._spare.result().pid if self._spare is not None and self._spare.done() else None

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
        self._warden.close()

    async def _spawn(self) -> Child:
        child = await Child.spawn()
        self._warden.begun(child.pid)
        return child

    # The spare: a process that has set itself up and waits for its run.

    async def _take_spare(self) -> Child | None:
        task, self._spare = self._spare, None
        if task is None:
            return None
        try:
            child = await task
        except OSError:
            return None
        if child.lives:
            return child
        await child.ended()
        self._warden.ended(child.pid)
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

    async def _dismiss(self, spare: "asyncio.Task[Child]") -> None:
        with suppress(OSError):
            child = await spare
            child.kill()
            await child.ended()
            self._warden.ended(child.pid)

    # Measuring

    async def _sample(self) -> None:
        while self._wards:
            running = await asyncio.to_thread(processes)
            moment = monotonic()
            used = usage({ward.child.pid for ward in self._wards}, running)
            for ward in tuple(self._wards):
                if ward.child.pid in used:
                    ward.measured(used[ward.child.pid], moment)
            await asyncio.sleep(SAMPLE_SECONDS)
