"""Where in its author's code a coroutine stands."""

import sysconfig
from collections.abc import Iterator
from types import FrameType
from typing import Any

from orchestrator.sdk.failure import OWN_CODE

OURS_AND_PYTHONS = (OWN_CODE, sysconfig.get_paths()["stdlib"])
LIBRARIES = ("/site-packages/", "/dist-packages/")


def chain(coroutine: Any) -> Iterator[Any]:
    """The coroutine, what it awaits, what that awaits, as far as these are coroutines."""
    while hasattr(coroutine, "cr_code"):
        yield coroutine
        coroutine = coroutine.cr_await


def author_frame(coroutine: Any) -> FrameType | None:
    """The innermost frame that is neither ours nor a library's."""
    frames = [one.cr_frame for one in chain(coroutine) if one.cr_frame is not None]
    return next((frame for frame in reversed(frames) if _is_authors(frame.f_code.co_filename)), None)


def is_authors_move(coroutine: Any) -> bool:
    """Whether it stands in its author's code, or in a library called from there, and not in ours."""
    files = [one.cr_code.co_filename for one in chain(coroutine)]
    return next(
        (_is_authors(file) for file in reversed(files) if _is_authors(file) or file.startswith(OWN_CODE)), False
    )


def _is_authors(file: str) -> bool:
    return not file.startswith(OURS_AND_PYTHONS) and not any(part in file for part in LIBRARIES)


def place(frame: FrameType) -> str:
    """``"onboard (shop.py:12)"``."""
    file = frame.f_code.co_filename.rsplit("/", 1)[-1]
    return f"{frame.f_code.co_name} ({file}:{frame.f_lineno})"
