"""An exception as it is stored and shown."""

import traceback
from collections.abc import Callable
from pathlib import Path

from orchestrator.core.durations import parse_duration
from orchestrator.core.errors import OrchestratorError, RetryAfter, StepError
from orchestrator.core.ops import ErrorInfo

OWN_CODE = str(Path(__file__).resolve().parents[1])
MAX_MESSAGE = 8_192  # characters
MAX_TRACEBACK = 32_768
# What a process with limits of its own says of an error instead: type and message.
TOLD_AS: dict[type[BaseException], Callable[[BaseException], tuple[str, str]]] = {}


def describe(error: BaseException) -> ErrorInfo:
    """Type, message and traceback, our own frames left out; whether a further attempt makes sense."""
    after = parse_duration(error.delay).total_seconds() if isinstance(error, RetryAfter) else None  # type: ignore[arg-type]
    tell = TOLD_AS.get(type(error))
    name, message = (_name(error), str(error)) if tell is None else tell(error)
    return ErrorInfo(
        type=name,
        message=_clean(message, MAX_MESSAGE),
        traceback=_clean(_traceback(error), MAX_TRACEBACK),
        retriable=isinstance(error, RetryAfter) or not isinstance(error, OrchestratorError),
        retry_after_seconds=after,
    )


def _name(error: BaseException) -> str:
    kind = type(error)
    if isinstance(error, StepError):
        return error.name
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def _traceback(error: BaseException) -> str:
    tree = traceback.TracebackException.from_exception(error)
    _drop_own_frames(tree)
    return "".join(tree.format())


def _drop_own_frames(tree: traceback.TracebackException | None) -> None:
    while tree is not None:
        theirs = [frame for frame in tree.stack if not str(frame.filename).startswith(OWN_CODE)]
        if theirs:
            tree.stack[:] = theirs
        _drop_own_frames(tree.__context__)
        tree = tree.__cause__


def _clean(text: str, limit: int) -> str:
    """Text that any database takes: no lone surrogates, the end kept when it is too long."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= limit else f"… {len(text) - limit} characters left out …\n{text[-limit:]}"
