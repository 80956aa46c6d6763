"""How much Python is installed here. Plain Python, no steps."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from sysconfig import get_path

PACKAGES = Path(get_path("purelib"))


@dataclass(frozen=True, slots=True)
class Count:
    """Lines of a file: those with code, comments, and nothing."""

    code: int = 0
    comments: int = 0
    blank: int = 0


@dataclass(frozen=True, slots=True)
class Census:
    files: int
    code: int
    comments: int
    blank: int


def python_files(most: int) -> list[str]:
    """The largest Python files among the installed packages, as paths within them."""
    sizes = {path: path.stat().st_size for path in PACKAGES.rglob("*.py")}
    largest = sorted(sizes, key=lambda path: (-sizes[path], path))
    return [str(path.relative_to(PACKAGES)) for path in largest[:most]]


def count_lines(path: str) -> Count:
    """Docstrings count as code."""
    lines = [line.strip() for line in (PACKAGES / path).read_text("utf-8", "replace").splitlines()]
    blank, comments = lines.count(""), sum(line.startswith("#") for line in lines)
    return Count(len(lines) - blank - comments, comments, blank)


def add_up(counts: Iterable[Count]) -> Census:
    counts = list(counts)
    return Census(
        files=len(counts),
        code=sum(count.code for count in counts),
        comments=sum(count.comments for count in counts),
        blank=sum(count.blank for count in counts),
    )
