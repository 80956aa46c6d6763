"""Keeps the development server running: a child process that is drained and started anew when code changes."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from watchfiles import PythonFilter, watch

from console.sources import Sources

# The child's exit code for "starting me again would not help"; it has said why.
REFUSED = 3
# The engine drains for 5 s; what is not done by then is taken up by the next start.
STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Changed:
    """Code changed on disk."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """A child is gone; a negative code is the signal that ended it."""

    child: "subprocess.Popen[bytes]"
    code: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody wants this process to end."""


class Supervisor:
    """Runs ``command`` until told to stop. ``listener_fd`` is handed to each child, so a restart refuses no request."""

    def __init__(self, command: Sequence[str], listener_fd: int, sources: Sources, say: Callable[[str], None]) -> None:
        self._command = [*command, "--listener-fd", str(listener_fd)]
        self._listener_fd = listener_fd
        self._sources = sources
        self._say = say
        self._news: SimpleQueue[Changed | Ended | Stop] = SimpleQueue()
        self._child: subprocess.Popen[bytes] | None = None
        # Closes when this process ends, however it ends: the child sees that and ends too.
        self._lifeline, self._parent_end = os.pipe()

    def run(self) -> int:
        """Supervise until SIGINT or SIGTERM; the answer is this process's exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._news.put(Stop()))
        self._watch(self._sources.trees, recursive=True)
        self._watch(self._sources.folders, recursive=False)
        self._start()
        while True:
            match self._news.get():
                case Stop():
                    self._stop()
                    return 0
                case Changed(paths):
                    self._say(f"Changed: {_briefly(paths)}. Restarting.")
                    self._stop()
                    self._start("--again")
                case Ended(child, code) if child is self._child:
                    if code in (0, REFUSED):
                        return min(code, 1)
                    self._go_on_without(code)

    def _start(self, *options: str) -> None:
        command = [*self._command, "--parent-fd", str(self._lifeline), *options]
        child = self._child = subprocess.Popen(command, pass_fds=(self._listener_fd, self._lifeline))
        threading.Thread(target=lambda: self._news.put(Ended(child, child.wait())), daemon=True).start()

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._say(f"Not drained after {STOP_SECONDS} s; ending it. Unfinished runs go on at the next start.")
            child.kill()
            child.wait()

    def _go_on_without(self, code: int) -> None:
        self._child = None
        if code < 0:
            self._say(f"The server was ended by {signal.Signals(-code).name}. Starting it again.")
            self._start("--again")
        else:
            self._say("The server could not go on (see above). It starts again when a file changes.")

    def _watch(self, folders: Sequence[Path], *, recursive: bool) -> None:
        if not folders:
            return
        wanted = PythonFilter(extra_extensions=(".html",))

        def look() -> None:
            for changes in watch(*folders, watch_filter=wanted, debounce=200, recursive=recursive):
                self._news.put(Changed(tuple(sorted(path for _, path in changes))))

        threading.Thread(target=look, name="signalbox-watch", daemon=True).start()


def _briefly(paths: Sequence[str]) -> str:
    first = os.path.relpath(paths[0])
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"
