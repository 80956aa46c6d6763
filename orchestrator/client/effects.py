"""What programs ask of their drivers: a request, or a pause. The drivers alone know whether they block or await."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """``path`` is below the API's root, ``wait_seconds`` how long the server may hold it.

    The program gets the Reply, or Unanswered is raised in it.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    wait_seconds: float = 0.0
    timeout_seconds: float = 0.0  # set by who asks


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """``retry_after`` is the header of that name, empty without one."""

    status: int
    body: bytes
    retry_after: str = ""


class Unanswered(Exception):
    """No answer came: no connection, a broken one, or time ran out."""


Effect = Request | Pause
Program = Generator[Effect, Reply | None, T]


def segment(text: str, safe: str = "") -> str:
    """Text as a part of a path."""
    return quote(text, safe=safe, errors="replace")


def send_effect(request: Request) -> Program[Reply]:
    """The answer to a request. Raises Unanswered."""
    reply = yield request
    assert reply is not None
    return reply
