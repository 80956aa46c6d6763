"""Limits by the kernel: a cgroup (version 2) for each child process, below the engine's own group.

signalbox-worker@default.service      given to us: Delegate=memory cpu
├── engine                            all processes of the unit
└── signalbox-4711.0                  of one engine, which locks it: who gets the lock may remove it
    ├── 1                             a child and all that it starts
    └── 2
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from itertools import count
from pathlib import Path

from orchestrator.core.machines import Machine
from orchestrator.executors.usage import Usage

PERIOD_MICROSECONDS = 100_000
LEAST_QUOTA_MICROSECONDS = 1000  # the kernel refuses less
NAME = "signalbox"


class Cgroup:
    """The group of one child, which has no limits at first; ``remove`` it when the child has ended."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where it may not be made."""
        self.path = path
        path.mkdir()

    def add(self, pid: int) -> None:
        """Raises OSError."""
        (self.path / "cgroup.procs").write_text(str(pid))

    def limit_memory(self, machine: Machine) -> None:
        """Raises OSError."""
        with suppress(OSError):  # a machine without swap
            (self.path / "memory.swap.max").write_text("0")
        # All at once: a function whose helper alone was killed would take that for the helper's own failure.
        (self.path / "memory.oom.group").write_text("1")
        (self.path / "memory.max").write_text(str(machine.memory_bytes))

    def limit_processor(self, machine: Machine) -> None:
        """Raises OSError."""
        quota = max(LEAST_QUOTA_MICROSECONDS, round(machine.cpu * PERIOD_MICROSECONDS))
        (self.path / "cpu.max").write_text(f"{quota} {PERIOD_MICROSECONDS}")

    @property
    def out_of_memory(self) -> bool:
        """The kernel has killed it because it reached its own limit."""
        return self._number("memory.events", "oom_kill") > 0 and self._number("memory.events", "oom") > 0

    @property
    def starved_by_others(self) -> bool:
        """The kernel has killed it because a group above, or the machine, had no memory left."""
        return self._number("memory.events", "oom_kill") > 0 and not self.out_of_memory

    @property
    def peak_bytes(self) -> int:
        return self._number("memory.peak")

    @property
    def used(self) -> Usage:
        """Files that the kernel keeps in memory until somebody needs it do not count."""
        spare = self._number("memory.stat", "inactive_file")
        cpu = self._number("cpu.stat", "usage_usec")
        return Usage(cpu / 1_000_000, max(0, self._number("memory.current") - spare))

    def _number(self, file: str, name: str = "") -> int:
        """Of a file that has a number, or a name and a number in each line; 0 where there is none."""
        with suppress(OSError, ValueError):
            for line in (self.path / file).read_text().splitlines():
                head, _, number = line.rpartition(" ")
                if head == name:
                    return int(number)
        return 0

    def remove(self) -> bool:
        """With every process that is still in it. Those end a little later: then False, and it is to be tried again."""
        return _remove(self.path)


class Cgroups:
    """Makes the groups of an engine's children, and removes what engines that were killed have left."""

    def __init__(self, place: Path) -> None:
        """Raises OSError where this process may not limit its children after all."""
        self._numbers = count(1)
        self._leaving: list[Cgroup] = []
        with _locked(place):  # no other engine sees it before it has its own lock
            _sweep(place)
            self.path = _made(place)
            self._lock = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            flock(self._lock, LOCK_EX)
        try:
            (self.path / "cgroup.subtree_control").write_text("+memory +cpu")
        except OSError:
            self.close()
            raise

    def make(self, pid: int) -> Cgroup:
        """With this process in it. Raises OSError."""
        cgroup = Cgroup(self.path / str(next(self._numbers)))
        try:
            cgroup.add(pid)
        except OSError:
            cgroup.remove()
            raise
        return cgroup

    def remove(self, cgroup: Cgroup) -> None:
        self._leaving.append(cgroup)

    def tidy(self) -> bool:
        """Whether all that were to be removed are gone."""
        self._leaving = [cgroup for cgroup in self._leaving if not cgroup.remove()]
        return not self._leaving

    def close(self) -> None:
        """What still ends keeps its group; the next engine removes it."""
        _remove(self.path)
        os.close(self._lock)


@contextmanager
def _locked(group: Path) -> Iterator[None]:
    handle = os.open(group, os.O_RDONLY | os.O_CLOEXEC)
    try:
        flock(handle, LOCK_EX)
        yield
    finally:
        os.close(handle)


def _made(place: Path) -> Path:
    for number in count():
        path = place / f"{NAME}-{os.getpid()}.{number}"
        with suppress(FileExistsError):  # another engine of this process, or of another container's same number
            path.mkdir()
            return path
    raise AssertionError  # for the type checker: it counts for ever


def _sweep(place: Path) -> None:
    """Removes the groups of engines that are gone: nobody holds their lock."""
    for path in place.glob(f"{NAME}-*"):
        with suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                flock(handle, LOCK_EX | LOCK_NB)
                _remove(path)
            finally:
                os.close(handle)


def _remove(path: Path) -> bool:
    with suppress(OSError):
        (path / "cgroup.kill").write_text("1")  # also what is in the groups below
    for below, _, _ in os.walk(path, topdown=False):
        with suppress(OSError):  # a process in it still ends
            os.rmdir(below)
    return not path.exists()
