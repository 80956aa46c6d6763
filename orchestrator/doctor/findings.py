"""A finding: one line of the doctor."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """``hint`` is the way out, ``detail`` what is too long for a line, such as a traceback."""

    level: Level
    topic: str
    text: str
    hint: str = ""
    detail: str = ""


def ok(topic: str, text: str) -> Finding:
    return Finding(Level.OK, topic, text)


def warn(topic: str, text: str, hint: str) -> Finding:
    return Finding(Level.WARN, topic, text, hint)


def fail(topic: str, text: str, hint: str, detail: str = "") -> Finding:
    return Finding(Level.FAIL, topic, text, hint, detail)


def first_line(error: BaseException) -> str:
    """The first line that an error says, or its name."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
