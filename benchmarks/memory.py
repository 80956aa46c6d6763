"""Memory of process trees in PSS: pages that processes share count once, divided among them. Linux only."""

import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")


def tree(pid: int) -> set[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and (parent := parent_of(int(entry.name))) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found, coming = set(), [pid]
    while coming:
        found.add(coming[-1])
        coming += children.get(coming.pop(), [])
    return found


def parent_of(pid: int) -> int | None:
    """None when the process has ended."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])  # the name before it may hold blanks and brackets


def pss_mb(pids: Iterable[int]) -> float:
    """Together; one that has ended counts nothing. Raises PermissionError on others' processes."""
    return sum(map(_pss_kb, pids)) / 1024


def tree_mb(pid: int) -> float:
    return pss_mb(tree(pid))


def own_mb() -> float:
    """Of this process and its children."""
    return tree_mb(os.getpid())


def _pss_kb(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
