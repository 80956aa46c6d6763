"""The file that every body of the bank's functions appends a line to."""

from dataclasses import dataclass
from pathlib import Path

from tests.eventually import eventually


@dataclass(frozen=True, slots=True)
class Line:
    run: str
    step: str
    attempt: int
    pid: int


class Witness:
    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[Line]:
        text = self.path.read_text() if self.path.exists() else ""
        parts = (line.split() for line in text.splitlines())
        return [Line(run, step, int(attempt), int(pid)) for run, step, attempt, pid in parts]

    def steps(self) -> dict[tuple[str, str], list[Line]]:
        """The lines of each step, in the order they were written."""
        found: dict[tuple[str, str], list[Line]] = {}
        for line in self.lines():
            found.setdefault((line.run, line.step), []).append(line)
        return found

    def count(self, step: str) -> int:
        return sum(line.step == step for line in self.lines())

    def sees(self, lines: int, *, within_seconds: float = 60) -> None:
        """Waits until there are that many lines in all."""
        eventually(lambda: len(self.lines()) >= lines, within_seconds=within_seconds, every_seconds=0.002)
