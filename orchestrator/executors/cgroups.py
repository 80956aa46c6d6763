"""Limits by the kernel: a cgroup (version 2) for each child process, where this process may make one.

It may when its own cgroup, or the one above, passes the controllers on: a systemd unit with ``Delegate=memory cpu`` and
``DelegateSubgroup=engine``, or a container with a writable cgroup whose engine is in a group of its own.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from orchestrator.core.machines import Machine

ROOT = Path("/sys/fs/cgroup")
PERIOD_MICROSECONDS = 100_000
CONTROLLERS = {"memory", "cpu"}
_numbers = count(1)


class Cgroup:
    """The group of one child; ``remove`` it when the child has ended."""

    def __init__(self, path: Path, machine: Machine) -> None:
        """Raises OSError where it may not be made."""
        self._path = path
        path.mkdir()
        try:
            (path / "memory.max").write_text(str(machine.memory_bytes))
            (path / "cpu.max").write_text(f"{round(machine.cpu * PERIOD_MICROSECONDS)} {PERIOD_MICROSECONDS}")
            with suppress(OSError):  # a machine without swap
                (path / "memory.swap.max").write_text("0")
        except OSError:
            self.remove()
            raise

    def add(self, pid: int) -> None:
        (self._path / "cgroup.procs").write_text(str(pid))

    @property
    def oom_kills(self) -> int:
        """How many of its processes the kernel has killed because the limit was reached."""
        with suppress(OSError, ValueError):
            for line in (self._path / "memory.events").read_text().splitlines():
                name, _, number = line.partition(" ")
                if name == "oom_kill":
                    return int(number)
        return 0

    @property
    def peak_bytes(self) -> int:
        with suppress(OSError, ValueError):
            return int((self._path / "memory.peak").read_text())
        return 0

    def remove(self) -> None:
        """With every process that is still in it."""
        with suppress(OSError):
            (self._path / "cgroup.kill").write_text("1")
        with suppress(OSError):  # one that still ends keeps it: it is empty and costs nothing
            self._path.rmdir()


class Cgroups:
    """Makes cgroups below ``base``."""

    def __init__(self, base: Path) -> None:
        self._base = base

    def make(self, machine: Machine) -> Cgroup | None:
        with suppress(OSError):
            return Cgroup(self._base / f"signalbox-{os.getpid()}-{next(_numbers)}", machine)
        return None


def find_cgroups(root: Path = ROOT, own: Path = Path("/proc/self/cgroup")) -> Cgroups | None:
    """A place below which this process may limit its children; None where it may not."""
    trial = Machine(cpu=1, memory="64MB")
    for base in _candidates(root, own):
        if _passes_on(base) and (made := Cgroups(base).make(trial)) is not None:
            made.remove()
            return Cgroups(base)
    return None


def _candidates(root: Path, own: Path) -> Iterator[Path]:
    with suppress(OSError):
        for line in own.read_text().splitlines():
            if line.startswith("0::"):
                here = root / line[3:].strip().lstrip("/")
                yield here
                if here != root:
                    yield here.parent


def _passes_on(base: Path) -> bool:
    control = base / "cgroup.subtree_control"
    try:
        if not set(control.read_text().split()) >= CONTROLLERS:
            control.write_text("+memory +cpu")
        return set(control.read_text().split()) >= CONTROLLERS
    except OSError:
        return False
