"""What processes and all that they have started use: read from /proc, where there is one."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")  # a second of processor time has so many


class Process(NamedTuple):
    pid: int
    parent: int
    session: int
    cpu_seconds: float  # with that of its children which have ended
    memory_bytes: int  # resident


class Usage(NamedTuple):
    """Of a process and its descendants."""

    cpu_seconds: float
    memory_bytes: int


def processes(proc: Path = PROC) -> list[Process]:
    """All of this machine that can be seen; none where there is no /proc."""
    try:
        names = os.listdir(proc)
    except OSError:
        return []
    return [found for name in names if name.isdecimal() and (found := _read(proc / name / "stat"))]


def _read(path: Path) -> Process | None:
    try:
        head, _, rest = path.read_bytes().rpartition(b")")  # a name may have anything in it
    except OSError:
        return None  # it has ended
    fields = rest.split()
    if len(fields) < 22:
        return None
    cpu = sum(int(field) for field in fields[11:15])
    return Process(int(head.partition(b" ")[0]), int(fields[1]), int(fields[3]), cpu / TICKS, int(fields[21]) * PAGE)


def members(roots: Collection[int], running: Iterable[Process]) -> dict[int, list[Process]]:
    """For each root itself and what descends from it or is in the session that it leads."""
    known = {process.pid: process for process in running}
    found: defaultdict[int, list[Process]] = defaultdict(list)
    for process in known.values():
        root = _root_of(process, known, roots)
        if root is not None:
            found[root].append(process)
    return found


def _root_of(process: Process, known: dict[int, Process], roots: Collection[int]) -> int | None:
    at: Process | None = process
    for _ in range(len(known)):
        if at is None:
            return None
        if at.pid in roots:
            return at.pid
        if at.session in roots:
            return at.session
        at = known.get(at.parent)
    return None


def usage(roots: Collection[int], running: Iterable[Process]) -> dict[int, Usage]:
    """What each root and its descendants use; memory that they share counts for each."""
    return {
        root: Usage(sum(p.cpu_seconds for p in family), sum(p.memory_bytes for p in family))
        for root, family in members(roots, running).items()
    }


def family(root: int) -> list[int]:
    """The process and its descendants, by number."""
    return [process.pid for process in members((root,), processes())[root]] if PROC.exists() else []
