"""A child process that executes a run, or will, and what it may use."""

import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress

from orchestrator.core.machines import MB, Machine
from orchestrator.executors.cgroups import Cgroup
from orchestrator.executors.process import Child
from orchestrator.executors.usage import Usage

# What threads and libraries reserve and never touch. Memory that is touched is measured.
RESERVED_BYTES = 256 * MB

Tell = Callable[[float, int], None]  # percent of a core, bytes


class Ward:
    """With a cgroup the kernel limits and measures it; without one memory is measured here."""

    def __init__(self, child: Child, cgroup: Cgroup | None) -> None:
        self.child = child
        self.cgroup = cgroup
        self.machine: Machine | None = None
        self._tell: Tell | None = None
        self._kept_by_kernel = False
        self._highest_bytes = 0
        self._over = False  # it was killed because it held too much
        self._before: tuple[float, float] | None = None  # moment and processor seconds of the last sample

    @property
    def out_of_memory(self) -> bool:
        return self._over or bool(self.cgroup is not None and self.cgroup.out_of_memory)

    @property
    def starved_by_others(self) -> bool:
        return self.cgroup is not None and self.cgroup.starved_by_others

    @property
    def peak_bytes(self) -> int:
        return max(self._highest_bytes, self.cgroup.peak_bytes if self.cgroup is not None else 0)

    def begin(self, machine: Machine | None, tell: Tell) -> None:
        """Before its run begins: what it starts inherits the limits of ``machine``; ``tell`` hears what it uses."""
        self.machine, self._tell = machine, tell
        if machine is None or sys.platform != "linux":
            return
        with suppress(OSError, ValueError):
            most = machine.memory_bytes + RESERVED_BYTES
            resource.prlimit(self.child.pid, resource.RLIMIT_DATA, (most, most))
        if self.cgroup is not None:
            with suppress(OSError):
                self.cgroup.limit_memory(machine)
                self._kept_by_kernel = True
                return
        self._pin(machine)

    def executes(self) -> None:
        """It has set itself up, at full speed: imports on a quarter of a core would take four times as long."""
        if self._kept_by_kernel and self.machine is not None and self.cgroup is not None:
            try:
                self.cgroup.limit_processor(self.machine)
            except OSError:
                self._pin(self.machine)

    def _pin(self, machine: Machine) -> None:
        allowed = sorted(os.sched_getaffinity(0))
        if machine.cores < len(allowed):
            first = self.child.pid % len(allowed)  # so that not all share the first ones
            with suppress(OSError):
                os.sched_setaffinity(self.child.pid, (allowed[first:] + allowed[:first])[: machine.cores])

    def measured(self, used: Usage, moment: float) -> None:
        """A sample: told to whoever watches; a child that holds too much is killed."""
        self._highest_bytes = max(self._highest_bytes, used.memory_bytes)
        if self._before is not None and self._tell is not None:
            then, seconds = self._before
            percent = 100 * max(0.0, used.cpu_seconds - seconds) / max(moment - then, 0.001)
            self._tell(percent, used.memory_bytes)
        self._before = (moment, used.cpu_seconds)
        # The kernel knows better where it keeps the limit: without it memory that processes share counts for each.
        if self.machine is None or self._kept_by_kernel:
            return
        if used.memory_bytes > self.machine.memory_bytes:
            self._over = True
            self.child.kill()
