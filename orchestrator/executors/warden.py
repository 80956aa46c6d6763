"""Ends what child processes have started when the engine dies without a word (kill -9).

The children themselves die by the kernel's own hand; what they have started does not. A shell that costs a megabyte
reads which process groups there are, and kills them when its input ends: with cgroups everything, also what has made
itself a daemon.
"""

import subprocess
from contextlib import suppress
from pathlib import Path

CLOSE_SECONDS = 1.0
SCRIPT = """
groups=
while read -r did group; do
  case $did in
    begun) groups="$groups $group" ;;
    ended) kept=; for each in $groups; do [ "$each" = "$group" ] || kept="$kept $each"; done; groups=$kept ;;
  esac
done
for group in $groups; do kill -9 -"$group" 2>/dev/null; done
[ -z "$1" ] || echo 1 2>/dev/null >"$1/cgroup.kill"
"""


class Warden:
    """Started with the first child, ends with this process."""

    def __init__(self, cgroup: Path | None) -> None:
        """``cgroup`` has all children in it, each in a group of its own."""
        self._cgroup = "" if cgroup is None else str(cgroup)
        self._process: subprocess.Popen[bytes] | None = None

    def begun(self, group: int) -> None:
        if self._process is None:
            with suppress(OSError):  # without a shell they are left to whoever watches the machine
                self._process = subprocess.Popen(
                    ("/bin/sh", "-c", SCRIPT, "warden", self._cgroup),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for the engine, which drains
                )
        self._tell(f"begun {group}\n")

    def ended(self, group: int) -> None:
        self._tell(f"ended {group}\n")

    def close(self) -> None:
        """It kills what has not ended."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(CLOSE_SECONDS)

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.closed:
            with suppress(BrokenPipeError):
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()
