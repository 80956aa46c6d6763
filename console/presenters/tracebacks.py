"""A traceback's text as blocks of frames: the author's own stand open, the library's are folded."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

FRAME = re.compile(r'^\s*(?:[|+\- ]*)File "(?P<file>.+?)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
LIBRARY = re.compile(
    r"site-packages|dist-packages|/lib(?:64)?/python\d|^<frozen |/orchestrator/(?:sdk|engine|executors|core)/"
)
LINKS = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)


@dataclass(slots=True)
class Frame:
    file: str
    line: int
    function: str
    code: list[str] = field(default_factory=list)

    @property
    def library(self) -> bool:
        return LIBRARY.search(self.file) is not None

    @property
    def text(self) -> str:
        return "\n".join(self.code)

    @property
    def place(self) -> str:
        """The end of the path: enough to recognise the file by."""
        return "/".join(self.file.split("/")[-3:])


@dataclass(slots=True)
class Block:
    """One exception of a chain. ``link`` says how it came from the one before."""

    link: str = ""
    frames: list[Frame] = field(default_factory=list)
    conclusion: list[str] = field(default_factory=list)

    def stretches(self) -> list[tuple[bool, list[Frame]]]:
        """Frames in order, as runs of (are they the library's?, frames)."""
        return [(library, list(frames)) for library, frames in groupby(self.frames, key=lambda frame: frame.library)]


def parse(text: str) -> list[Block]:
    """The exceptions of a chain, oldest first; what is no traceback comes back as the conclusion of one block."""
    blocks = [_close(block) for block in _blocks(text)]
    return [block for block in blocks if block.frames or block.conclusion]


def _blocks(text: str) -> Iterator[Block]:
    block = Block()
    for line in text.splitlines():
        if line.strip() in LINKS:
            yield block
            block = Block(link=line.strip().rstrip(":"))
        elif match := FRAME.match(line):
            block.frames.append(Frame(match["file"], int(match["line"]), match["function"] or ""))
        elif block.frames and line.startswith("    ") and not block.conclusion:
            block.frames[-1].code.append(line[4:])
        elif line.strip() and not line.startswith("Traceback (most recent call last)"):
            block.conclusion.append(line)
    yield block


def _close(block: Block) -> Block:
    for frame in block.frames:
        frame.code = [line for line in frame.code if line.strip(" ^~")]
    return block
