"""Where this process may make cgroups: a group (version 2) that whoever manages the tree has given to it.

That is a systemd unit with ``Delegate=memory cpu``, or the whole tree that a container sees, when it may be written.
Root could make groups anywhere; there they would escape the limits and the end of the unit that it runs in.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
CONTROLLERS = {"memory", "cpu"}
INNER = "engine"  # as DelegateSubgroup= in the documentation
MARKS = ("user.delegate", "trusted.delegate")  # by systemd; the first since version 251
MOST_MOVES = 5


class NoPlace(Exception):
    """The message says why there is none."""


def find_place(root: Path = ROOT, own: Path = OWN) -> Path:
    """A group that passes the controllers on to those below it. Raises NoPlace."""
    here = _own_group(root, own)
    for group in (here.parent, here):  # above first: this process may be in a group that it was moved into
        if group.is_relative_to(root) and _is_given(group, root):
            _pass_on(group)
            return group
    raise NoPlace(f"the cgroup /{here.relative_to(root)} is not delegated to this process")


def _own_group(root: Path, own: Path) -> Path:
    with suppress(OSError):
        for line in own.read_text().splitlines():
            if line.startswith("0::") and (root / "cgroup.controllers").exists():
                return root / line[3:].strip().lstrip("/")
    raise NoPlace("this system has no cgroups of version 2")


def _is_given(group: Path, root: Path) -> bool:
    if group == root:  # a container's, or of a machine on which nobody manages them
        return True
    for mark in MARKS:
        with suppress(OSError):
            if os.getxattr(group, mark) == b"1":
                return True
    # An older systemd marks it for root only, but gives it to the unit's user; all below user@ belongs to its user.
    user = os.geteuid()
    with suppress(OSError):
        return user != 0 and group.stat().st_uid == user and not any(p.startswith("user@") for p in group.parts)
    return False


def _pass_on(group: Path) -> None:
    control = group / "cgroup.subtree_control"
    try:
        if set(control.read_text().split()) >= CONTROLLERS:
            return
        if missing := CONTROLLERS - set((group / "cgroup.controllers").read_text().split()):
            raise NoPlace(f"the cgroup {group} has no controller {' and no '.join(sorted(missing))}")
        try:
            control.write_text("+memory +cpu")
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            _empty(group)
            control.write_text("+memory +cpu")
    except OSError as error:
        raise NoPlace(f"the cgroup {group} passes no controllers on: {error.strerror}") from error


def _empty(group: Path) -> None:
    """Moves its processes one down: a group that limits those below has none of its own. Raises OSError."""
    inner = group / INNER
    inner.mkdir(exist_ok=True)
    for _ in range(MOST_MOVES):  # a process may start another meanwhile
        pids = (group / "cgroup.procs").read_text().split()
        if not pids:
            return
        for pid in pids:
            with suppress(ProcessLookupError):
                (inner / "cgroup.procs").write_text(pid)
