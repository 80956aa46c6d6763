"""What author code logs or prints while a run executes, kept with its step and attempt."""

import io
import logging
import sys
from typing import Any, TextIO

from orchestrator.sdk.scope import CURRENT

OWN_LOGGERS = ("orchestrator", "django.channels", "daphne")


class RunHandler(logging.Handler):
    """Gives each record made inside a run to that run."""

    def emit(self, record: logging.LogRecord) -> None:
        scope = CURRENT.get()
        if scope is None or record.name.startswith(OWN_LOGGERS):
            return
        try:
            message = record.getMessage()
            if record.exc_info:
                message = f"{message}\n{logging.Formatter().formatException(record.exc_info)}"
        except Exception:  # a record that cannot be formatted is its author's mistake, not the run's
            message = f"{record.msg!r} (could not be formatted)"
        attempt = scope.attempt or scope.invocation.request.attempt
        scope.invocation.transport.log(scope.step, attempt, record.levelname, record.name, message)


class RunStream(io.TextIOBase):
    """Standard output that gives what a run prints to the run, line by line. With ``copy`` it is written, too."""

    def __init__(self, stream: TextIO, *, copy: bool = True) -> None:
        self._stream = stream
        self._copy = copy

    def write(self, text: str) -> int:
        scope = CURRENT.get()
        if scope is not None:
            # print writes word by word
            scope.invocation.say(scope.step, scope.attempt or scope.invocation.request.attempt, text)
            if not self._copy:
                return len(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_handler: RunHandler | None = None


def start(*, copy: bool = True) -> None:
    """From now on log records and prints inside runs are kept; with ``copy`` prints are written as ever, too."""
    global _handler
    if _handler is None:
        _handler = RunHandler(logging.DEBUG)
        logging.getLogger().addHandler(_handler)
        sys.stdout = RunStream(sys.stdout, copy=copy)


def stop() -> None:
    global _handler
    if _handler is not None:
        logging.getLogger().removeHandler(_handler)
        _handler = None
        if isinstance(sys.stdout, RunStream):
            sys.stdout = sys.stdout._stream
