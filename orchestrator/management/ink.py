"""How statuses, bars and colours look on a terminal; in plain ASCII where its encoding has nothing better."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from orchestrator.core.ops import Status
from orchestrator.core.trace import Phase
from orchestrator.management.terminal import TerminalCommand, encoding


class Tone(IntEnum):
    """SGR colours of a terminal."""

    PLAIN = 0
    BOLD = 1
    FAINT = 2
    BAD = 31
    GOOD = 32
    WARN = 33
    BUSY = 36


STATUS_TONES = {
    Status.COMPLETED: Tone.GOOD,
    Status.FAILED: Tone.BAD,
    Status.TIMED_OUT: Tone.BAD,
    Status.EXPIRED: Tone.BAD,
    Status.LOST: Tone.BAD,
    Status.BLOCKED: Tone.WARN,
    Status.RETRYING: Tone.WARN,
    Status.RUNNING: Tone.BUSY,
}
PHASE_TONES = {
    Phase.COMPLETED: Tone.GOOD,
    Phase.FAILED: Tone.BAD,
    Phase.LOST: Tone.BAD,
    Phase.TIMED_OUT: Tone.BAD,
    Phase.BACKOFF: Tone.WARN,
    Phase.RUNNING: Tone.BUSY,
    Phase.CHILD: Tone.BUSY,
}
PHASE_WORDS = {
    Phase.QUEUED: "queued",
    Phase.RUNNING: "running",
    Phase.COMPLETED: "executed",
    Phase.FAILED: "failed attempt",
    Phase.BACKOFF: "backing off",
    Phase.SLEEP: "asleep",
    Phase.WAIT: "waiting",
    Phase.CHILD: "child run",
    Phase.CANCELLED: "cancelled",
    Phase.REUSED: "reused",
    Phase.LOST: "worker lost",
    Phase.TIMED_OUT: "timed out",
}

# In the order of the enums.
SHAPES = dict(zip(Status, "○◔●↻◐◌‖■✓✗⊘◷⊖↷?", strict=True))
ASCII_SHAPES = dict(zip(Status, "o.>~zw|#+x/!-_?", strict=True))
BARS = dict(zip(Phase, "·▓█╳┄─╌▒╱◇?!", strict=True))
ASCII_BARS = dict(zip(Phase, ".>#x~-=+/o?!", strict=True))


@dataclass(frozen=True, slots=True)
class Ink:
    """The characters and colours of one terminal."""

    colored: bool = False
    shapes: Mapping[Status, str] = None  # type: ignore[assignment]
    bars: Mapping[Phase, str] = None  # type: ignore[assignment]
    branch: str = "├ "
    last_branch: str = "└ "
    trunk: str = "│ "
    more: str = "…"
    times: str = "×"
    arrow: str = "→"

    @classmethod
    def of(cls, command: TerminalCommand, options: dict[str, Any]) -> "Ink":
        """What the command's standard output can show."""
        colored = command.colored(options)
        try:
            "".join((*SHAPES.values(), *BARS.values(), "├└│…×→")).encode(encoding(command.stdout))
        except (UnicodeEncodeError, LookupError):
            return cls(colored, ASCII_SHAPES, ASCII_BARS, "|- ", "`- ", "|  ", ".", "x", "->")
        return cls(colored, SHAPES, BARS)

    def paint(self, text: str, tone: Tone) -> str:
        """The text in a colour, where there are colours."""
        return f"\x1b[{tone.value}m{text}\x1b[0m" if self.colored and tone is not Tone.PLAIN else text

    def status(self, status: Status, width: int = 0) -> str:
        """Shape and word, so that nobody needs the colour."""
        text = pad(f"{self.shapes[status]} {status_word(status)}", width)
        return self.paint(text, STATUS_TONES.get(status, Tone.PLAIN))

    def clip(self, text: str, width: int) -> str:
        """At most ``width`` cells of one line, control characters made harmless."""
        text = printable(text)
        if cells(text) <= width:
            return text
        kept = ""
        for character in text:
            if cells(kept + character) > width - 1:
                break
            kept += character
        return kept + self.more if width > 0 else ""


def status_word(status: Status) -> str:
    return status.value.replace("_", " ")


def printable(text: str) -> str:
    """One line that cannot steer the terminal: what does not print becomes a question mark."""
    return "".join(character if character.isprintable() else " " if character.isspace() else "?" for character in text)


def cells(text: str) -> int:
    """How many columns a text takes."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def pad(text: str, width: int) -> str:
    """The text with blanks up to ``width`` columns."""
    return text + " " * (width - cells(text))
