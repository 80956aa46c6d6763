"""Keeps the development server running: a child process that is drained and started anew when code changes.

It is a program of its own that imports neither Django nor anything of ours, so that it costs little memory beside
the server it watches. ``manage.py dev`` turns into it by exec.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import NoReturn

from watchfiles import PythonFilter, watch

# The child's exit code for "starting me again would not help"; it has said why.
REFUSED = 3
# The server drains for 5 s and then needs some to say goodbye; what is not done by then is taken up by the next start.
STOP_SECONDS = 12


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run and what to watch: ``trees`` with everything below them, of ``folders`` only the files themselves."""

    command: list[str]
    listener_fd: int
    trees: list[str]
    folders: list[str]


@dataclass(frozen=True, slots=True)
class Changed:
    """Code changed on disk."""

    paths: list[str]


@dataclass(frozen=True, slots=True)
class Ended:
    """A child is gone; a negative code is the signal that ended it. ``served``: it had come up before."""

    child: "subprocess.Popen[bytes]"
    code: int
    served: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody wants this process to end."""


class Supervisor:
    """Runs a plan until told to stop. The listening socket outlives each child, so a restart refuses no request."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._news: SimpleQueue[Changed | Ended | Stop] = SimpleQueue()
        self._child: subprocess.Popen[bytes] | None = None
        # Closes when this process ends, however it ends: the child sees that and ends too.
        self._lifeline, self._parent_end = os.pipe()

    def run(self) -> int:
        """Supervise until SIGINT or SIGTERM; the answer is this process's exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._news.put(Stop()))
        self._watch(self._plan.trees, recursive=True)
        self._watch(self._plan.folders, recursive=False)
        self._start()
        while True:
            match self._news.get():
                case Stop():
                    self._stop()
                    return 0
                case Changed(paths):
                    _say(f"Changed: {_briefly(paths)}. Restarting.")
                    self._stop()
                    self._start("--again")
                case Ended(child, code, served) if child is self._child:
                    if code in (0, REFUSED):
                        return min(code, 1)
                    self._go_on_without(code, served=served)

    def _start(self, *options: str) -> None:
        ready, told = os.pipe()
        fds = {"--listener-fd": self._plan.listener_fd, "--parent-fd": self._lifeline, "--ready-fd": told}
        named = [word for option, fd in fds.items() for word in (option, str(fd))]
        child = self._child = subprocess.Popen([*self._plan.command, *named, *options], pass_fds=tuple(fds.values()))
        os.close(told)

        def watch_it() -> None:
            code = child.wait()
            served = bool(os.read(ready, 1))
            os.close(ready)
            self._news.put(Ended(child, code, served))

        threading.Thread(target=watch_it, daemon=True).start()

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _say(f"Not drained after {STOP_SECONDS} s; ending it. Unfinished runs go on at the next start.")
            child.kill()
            child.wait()

    def _go_on_without(self, code: int, *, served: bool) -> None:
        self._child = None
        if code < 0 or served:
            how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            _say(f"The server was ended {how}. Starting it again.")
            self._start("--again")
        else:
            _say("The server could not go on (see above). It starts again when a file changes.")

    def _watch(self, folders: Sequence[str], *, recursive: bool) -> None:
        if not folders:
            return
        wanted = PythonFilter(extra_extensions=(".html",))

        def look() -> None:
            for changes in watch(*folders, watch_filter=wanted, debounce=200, recursive=recursive):
                self._news.put(Changed(sorted(path for _, path in changes)))

        threading.Thread(target=look, name="signalbox-watch", daemon=True).start()


def become_supervisor(plan: Plan) -> NoReturn:
    """Replace this process by one that supervises ``plan``."""
    sys.stdout.flush()
    os.set_inheritable(plan.listener_fd, True)
    # -P: this folder's modules must not stand in for others' of the same name.
    os.execv(sys.executable, [sys.executable, "-P", __file__, json.dumps(asdict(plan))])


def _briefly(paths: Sequence[str]) -> str:
    path = Path(paths[0])
    first = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return str(first) if len(paths) == 1 else f"{first} and {len(paths) - 1} more"


def _say(sentence: str) -> None:
    print(sentence, flush=True)  # noqa: T201 - a program that talks to a terminal


if __name__ == "__main__":
    sys.exit(Supervisor(Plan(**json.loads(sys.argv[1]))).run())
