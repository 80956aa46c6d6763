"""A child process that executes one run: its control channel, what it writes, and how it is ended."""

import asyncio
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from orchestrator.executors.usage import family
from orchestrator.executors.wire import HEAD, MAX_FRAME, frame, unframe

CHILD = "orchestrator.workers.child"
TERMINATE_SECONDS = 5.0  # for a child that was asked to unwind
KILL_SECONDS = 2.0  # for one that got SIGTERM
TAIL_LINES = 20  # of standard error, for the message when it dies
MAX_LINE = 64 * 1024
KEPT_LINES = 200  # of a process that waits for its run

Say = Callable[[str, str], None]  # stream and line


class _Protocol(asyncio.subprocess.SubprocessStreamProtocol):
    """Tells when the process has ended: asyncio's own ``wait`` may wait for a daemon that holds its streams, too."""

    def __init__(self) -> None:
        super().__init__(limit=MAX_LINE, loop=asyncio.get_running_loop())
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()


class Child:
    """Started by ``spawn``; lives on the engine's loop. It leads a process group: its own children end with it."""

    def __init__(
        self,
        process: asyncio.SubprocessTransport,
        streams: _Protocol,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        pid = process.get_pid()
        assert pid is not None
        self.pid = pid
        self._process = process
        self._exited = streams.exited
        self._reader = reader
        self._writer = writer
        self._gone = False  # its number may be another's
        self._say: Say | None = None
        self._unsaid: deque[tuple[str, str]] = deque(maxlen=KEPT_LINES)
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        assert streams.stdout is not None
        assert streams.stderr is not None
        self._outputs = asyncio.gather(self._copy("stdout", streams.stdout), self._copy("stderr", streams.stderr))

    @classmethod
    async def spawn(cls) -> "Child":
        """A new interpreter, not a fork: it shares no lock, no connection and no thread with this process."""
        ours, theirs = socket.socketpair()
        with theirs:
            process, streams = await asyncio.get_running_loop().subprocess_exec(
                _Protocol,
                *(sys.executable, "-P", "-m", CHILD, str(theirs.fileno()), str(os.getpid())),
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the engine, which drains
            )
        reader, writer = await asyncio.open_connection(sock=ours, limit=MAX_LINE)
        return cls(process, streams, reader, writer)

    @property
    def lives(self) -> bool:
        return self._process.get_returncode() is None

    def listen(self, say: Say) -> None:
        """From now on what it writes goes there; first what it has written before."""
        self._say = say
        while self._unsaid:
            say(*self._unsaid.popleft())

    def send(self, message: dict[str, Any]) -> None:
        """What a child that is gone would have got is dropped."""
        if not self._writer.is_closing():
            self._writer.write(frame(message))

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Until the child closes its end."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await self._reader.readexactly(HEAD), "big")
                if length > MAX_FRAME:
                    return
                yield unframe(await self._reader.readexactly(length))

    async def ended(self) -> str:
        """Waits for its end: what ended it, in words, with the last it said on standard error."""
        self._writer.close()
        await self._exited.wait()
        code = self._process.get_returncode() or 0
        self.kill()  # what it leaves behind of its group
        self._gone = True
        with suppress(TimeoutError):  # who left the group may keep the streams open
            await asyncio.wait_for(self._outputs, KILL_SECONDS)
        self._process.close()
        words = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        last = self._tail[-1].strip() if self._tail else ""
        return f"{words}: {last}" if last else words

    def end_soon(self) -> None:
        """SIGTERM if it has not unwound in time, then SIGKILL; its own children get both, too."""
        loop = asyncio.get_running_loop()
        loop.call_later(TERMINATE_SECONDS, self._signal, signal.SIGTERM)
        loop.call_later(TERMINATE_SECONDS + KILL_SECONDS, self.kill)

    def kill(self) -> None:
        """With all that it has started and that still belongs to it, in whatever group or session that is."""
        if not self._gone:
            for pid in family(self.pid):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if not self._gone:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def _copy(self, stream: str, reader: asyncio.StreamReader) -> None:
        async for line in _lines(reader):
            if stream == "stderr" and line.strip():
                self._tail.append(line[:500])
            if self._say is None:
                self._unsaid.append((stream, line))
            else:
                self._say(stream, line)


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines without their end; one that is too long comes in parts."""
    rest = b""
    while chunk := await reader.read(MAX_LINE):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")
